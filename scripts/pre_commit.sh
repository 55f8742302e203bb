#!/bin/sh
# The same gate that CI runs, before a commit is made.
exec make check
