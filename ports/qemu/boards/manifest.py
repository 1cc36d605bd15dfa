include("$(MPY_DIR)/extmod/asyncio")
include("../../../micropython/manifest.py")
