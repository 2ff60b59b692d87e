"""Tests of the simulator: python3 -m unittest discover, in the folder above."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
