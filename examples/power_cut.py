# cmdline: -X heapsize=16m
# What a power cut during flush() does. The power of a block device fails before each of the
# writes of one flush, and the file is looked at again: it holds what it held before the flush,
# or what it was to hold after it, or a mixture.
import btree, vfs


class Device:
    SIZE = 512

    def __init__(self, data):
        self.data = bytearray(data)
        self.left = None  # writes until the power fails

    def readblocks(self, n, buf, offset=0):
        at = n * self.SIZE + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, n, buf, offset=0):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise OSError(5)
        at = n * self.SIZE + offset
        self.data[at : at + len(buf)] = buf

    def ioctl(self, request, arg):
        return {4: len(self.data) // self.SIZE, 5: self.SIZE}.get(request, 0)


def use(device, fs, work):
    vfs.mount(fs(device), "/cut")
    f = open("/cut/db", "r+b")
    try:
        return work(f)
    finally:
        try:
            f.close()
        except OSError:
            pass  # the file system has seen the power fail, too
        vfs.umount("/cut")


def read(f):
    try:
        return list(btree.open(f).items())
    except OSError as er:
        return er.args


def change(f, device, writes):
    db = btree.open(f)
    for i in range(100):
        db["%04d" % (i * 37 % 400)] = "new" * (i % 10)
    for i in range(0, 100, 3):
        del db["%04d" % (i * 4)]
    # Nothing was written up to now.
    device.left = writes
    try:
        db.flush()
        return True, bytes(device.data)
    except OSError:
        return False, bytes(device.data)
    finally:
        device.left = None


for fs in (vfs.VfsLfs2, vfs.VfsFat):
    device = Device(bytes(300 * 512))
    fs.mkfs(device)
    vfs.mount(fs(device), "/cut")
    with open("/cut/db", "w+b") as f, btree.open(f, pagesize=512) as db:
        for i in range(200):
            db["%04d" % (i * 2)] = "old %d" % i
    vfs.umount("/cut")
    flushed = device.data
    before = use(Device(flushed), fs, read)
    found, done = [], False
    while not done:
        device = Device(flushed)
        done, data = use(device, fs, lambda f: change(f, device, len(found)))
        found.append(use(Device(data), fs, read))
    after = found.pop()
    mixtures = sum(state not in (before, after) for state in found)
    print(fs.__name__, "cuts:", len(found) > 10, "mixtures:", mixtures > 0)
