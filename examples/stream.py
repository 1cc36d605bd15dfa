# A stream of one's own: a database in a memory chip that is addressed by bytes (FRAM, EEPROM).
# A bytearray stands in for the chip. A file has a length and a chip has not, so the first
# four bytes hold it; the rest is the file.
import btree, io, uctypes

# What a seek passes by its address: an offset and where it counts from.
OFFSET, WHENCE = uctypes.LONG | 0, uctypes.INT | uctypes.sizeof({"offset": uctypes.LONG | 0})


class Chip(io.IOBase):
    def __init__(self, memory):
        self.memory = memory
        self.length = int.from_bytes(memory[:4], "little")
        self.pos = 0

    # Returns how many bytes there were: 0 at the end.
    def readinto(self, buf):
        n = max(min(len(buf), self.length - self.pos), 0)
        buf[:n] = self.memory[4 + self.pos : 4 + self.pos + n]
        self.pos += n
        return n

    # Returns how many bytes fitted, or a negative error number.
    def write(self, buf):
        n = min(len(buf), len(self.memory) - 4 - self.pos)
        if n <= 0:
            return -28  # ENOSPC
        self.memory[4 + self.pos : 4 + self.pos + n] = buf[:n]
        self.pos += n
        self.length = max(self.length, self.pos)
        return n

    def ioctl(self, request, arg):
        if request == 1:  # flush
            self.memory[:4] = self.length.to_bytes(4, "little")
            return 0
        if request == 2:  # seek
            seek = uctypes.struct(arg, {"offset": OFFSET, "whence": WHENCE})
            seek.offset += (0, self.pos, self.length)[seek.whence]
            self.pos = seek.offset
            return 0
        return -22  # EINVAL


memory = bytearray(4096)
with btree.open(Chip(memory), pagesize=512) as db:
    for i in range(20):
        db["setting %d" % i] = "value %d" % i

# After a reset.
with btree.open(Chip(memory)) as db:
    print(len(db), db["setting 7"])
    db["setting 7"] = "another value"
print(btree.open(Chip(memory))["setting 7"])
