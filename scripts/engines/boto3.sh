# boto3, AWS's Python SDK, as a judge of the AWS wires: an environment of its own. shellcheck shell=bash

packages() {
  echo 'python3-venv /usr/lib/python3*/ensurepip'
}

# The "URL" of this engine is the Python that has it.
start() {
  local home="$ENGINES/boto3" version=1.44.5
  if ! [ -f "$home/$version" ]; then
    rm -rf "$home"
    python3 -m venv "$home" >&2
    "$home/bin/pip" install --quiet --disable-pip-version-check "boto3==$version" >&2
    touch "$home/$version"
  fi
  echo "$home/bin/python"
}

stop() { :; }
