# What MicroPython's esp32 boards have frozen, and ours.
include("$(PORT_DIR)/boards/manifest.py")
include("../../../micropython/manifest.py")
