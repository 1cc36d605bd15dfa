# A reader of database files without btree, written from FORMAT.md alone. It trusts the file:
# unlike btree it checks nothing.
import struct


class Reader:
    def __init__(self, data):
        self.data = data
        # The magic number tells the byte order of all integers.
        self.order = "<" if data[:4] == b"\x62\x31\x05\x00" else ">"
        magic, version, self.psize, free, nrecs, flags = self.unpack("IIIIII", 0)
        if magic != 0x00053162 or version != 3:
            raise ValueError("no database")

    def unpack(self, what, at):
        return struct.unpack_from(self.order + what, self.data, at)

    def stored(self, at, size, big):
        """A key or value: the bytes there, or of the overflow chain that they refer to."""
        if not big:
            return self.data[at : at + size]
        page, size = self.unpack("II", at)
        item = b""
        while page:
            start = page * self.psize
            item += self.data[start + 20 : start + self.psize]
            page = self.unpack("I", start + 8)[0]
        return item[:size]

    def page(self, number):
        """The type of a tree page, its right neighbour, and the offsets of its entries in the file."""
        start = number * self.psize
        right, kind, lower = self.unpack("IIH", start + 8)
        index = self.unpack("%dH" % ((lower - 20) // 2), start + 20)
        return kind, right, [start + offset for offset in index]

    def key(self, at):
        return self.stored(at + 9, self.unpack("I", at)[0], self.data[at + 8] & 2)

    def item(self, at):
        ksize, dsize = self.unpack("II", at)
        return self.key(at), self.stored(at + 9 + ksize, dsize, self.data[at + 8] & 1)

    def items(self):
        """All items in the order of keys: down to the first leaf, then from leaf to leaf."""
        kind, right, entries = self.page(1)
        while kind == 1:
            kind, right, entries = self.page(self.unpack("I", entries[0] + 4)[0])
        while True:
            for at in entries:
                yield self.item(at)
            if right == 0:
                return
            kind, right, entries = self.page(right)

    def get(self, key):
        """The value of a key, in a file where keys occur only once."""
        kind, right, entries = self.page(1)
        while kind == 1:
            # The key of entry 0 means nothing.
            i = 0
            while i + 1 < len(entries) and self.key(entries[i + 1]) <= key:
                i += 1
            kind, right, entries = self.page(self.unpack("I", entries[i] + 4)[0])
        for at in entries:
            if self.key(at) == key:
                return self.item(at)[1]


if __name__ == "__main__":
    import btree, io

    for pagesize in 512, 1000, 65536:
        f = io.BytesIO()
        with btree.open(f, pagesize=pagesize) as db:
            for i in range(1000):
                # Some keys and some values go to overflow pages.
                key = "%d" % (i * 7919 % 1000) + "long" * (i % 50 // 48 * 200)
                db[key] = "value %d" % i * (1 + i % 20 // 19 * 100)
            for i in range(500):
                db.pop("%d" % i, None)
            items = list(db.items())
        reader = Reader(f.getvalue())
        print(list(reader.items()) == items, all(reader.get(k) == v for k, v in items), reader.get(b"none"))
