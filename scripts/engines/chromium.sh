# Chromium, as the browser that signs in at our pages: a test starts it itself, without a window. shellcheck shell=bash

packages() {
  echo 'chromium /usr/bin/chromium'
}

start() { :; }
stop() { :; }
