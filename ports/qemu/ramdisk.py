# Run before scripts that use files on an emulated board, and then lfs2.py or fat.py.


class RAMDisk:
    def __init__(self, size, count):
        self.size = size
        self.data = bytearray(size * count)

    def readblocks(self, block, buf, offset=0):
        at = block * self.size + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * self.size + offset
        self.data[at : at + len(buf)] = buf

    def ioctl(self, request, arg):
        return {4: len(self.data) // self.size, 5: self.size}.get(request, 0)
