# stix2, stix2-patterns, stix2-matcher and taxii2-client, OASIS's Python libraries, as judges of STIX and TAXII: an environment of its
# own. shellcheck shell=bash

packages() {
  echo 'python3-venv /usr/lib/python3*/ensurepip'
}

# The "URL" of this engine is the Python that has them.
start() {
  local home="$ENGINES/stix" version=3.0.1-2.0.0-3.0.0-2.3.0
  if ! [ -f "$home/$version" ]; then
    rm -rf "$home"
    python3 -m venv "$home" >&2
    "$home/bin/pip" install --quiet --disable-pip-version-check stix2==3.0.1 stix2-patterns==2.0.0 stix2-matcher==3.0.0 taxii2-client==2.3.0 >&2
    touch "$home/$version"
  fi
  echo "$home/bin/python"
}

stop() { :; }
