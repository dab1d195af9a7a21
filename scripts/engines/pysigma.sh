# pySigma, the Sigma project's own library, as a judge of pipelines: an environment of its own. shellcheck shell=bash

packages() {
  echo 'python3-venv /usr/lib/python3*/ensurepip'
}

# The "URL" of this engine is the Python that has it.
start() {
  local home="$ENGINES/pysigma" version=1.5.1
  if ! [ -f "$home/$version" ]; then
    rm -rf "$home"
    python3 -m venv "$home" >&2
    "$home/bin/pip" install --quiet --disable-pip-version-check "pysigma==$version" >&2
    touch "$home/$version"
  fi
  echo "$home/bin/python"
}

stop() { :; }
