"""The B-tree below the documents, in a file or in memory, by MicroPython's module or ours."""

import btree
import io

from .errors import InvalidKeyError

_OURS = hasattr(btree, "__version__")
_BATCH = 32


def _some(iterator, most):
    found = []
    for item in iterator:
        found.append(item)
        if len(found) == most:
            break
    return found


class Store:
    def __init__(self, filename, pagesize, cachesize):
        """filename: a path, an open stream, or None for memory only."""
        self.filename = filename
        self.file = None
        self.tree = None
        self.options = {"pagesize": pagesize, "cachesize": cachesize}
        # C's module damages a file with longer keys.
        self.longest = None if _OURS else (pagesize - 20) // 2 - 22
        self.open()

    def open(self):
        name = self.filename
        options = dict(self.options)
        try:
            if name is None:
                if _OURS:
                    self.tree = btree.open(None, **options)
                    return
                self.file = io.BytesIO()
            elif not isinstance(name, str):
                self.file = name
            else:
                try:
                    self.file = open(name, "r+b")
                except OSError as e:
                    if e.errno != 2:  # ENOENT
                        raise
                    self.file = open(name, "w+b")
            journal = getattr(btree, "JOURNAL", 0)
            if journal and name is not None:
                options["flags"] = journal
            if not _OURS:
                self._look_at_header()
            self.tree = btree.open(self.file, **options)
        except BaseException:
            self._close_file()
            raise

    def _look_at_header(self):
        # The page size of a file that exists is in its header, which C's module reads from here.
        self.file.seek(0)
        header = self.file.read(12)
        self.file.seek(0)
        if len(header) == 12:
            order = "little" if header[0] == 0x62 else "big"
            self.longest = (int.from_bytes(header[8:12], order) - 20) // 2 - 22

    def _close_file(self):
        file, self.file = self.file, None
        if file is not None and isinstance(self.filename, str):
            file.close()

    def close(self):
        """Writes what is not written yet."""
        tree, self.tree = self.tree, None
        try:
            if tree is not None and tree.close() == -1:
                raise OSError(5)
        finally:
            self._close_file()

    def reopen(self):
        """Opens the file anew, as the last flush that went well left it. If that fails, the old
        tree may still be there, good for reading."""
        if isinstance(self.filename, str):
            open(self.filename, "r+b").close()  # or an exception
        self.tree = None
        try:
            # Before the new one: with two open files littlefs could mix what they wrote.
            self._close_file()
        except OSError:
            pass
        self.open()

    def check_key(self, key):
        if self.longest is not None and len(key) > self.longest:
            raise InvalidKeyError("%r: too long for this btree module" % key)

    def get(self, key):
        return self.tree.get(key)

    def put(self, key, value):
        self.tree[key] = value

    def delete(self, key):
        try:
            del self.tree[key]
            return True
        except KeyError:
            return False

    def flush(self):
        if self.tree.flush() == -1:  # C's module
            raise OSError(5)

    def range(self, start, end, down=False, most=_BATCH):
        """Up to `most` (key, value) with start <= key < end, in a list: nothing is left open."""
        if not down:
            return _some(self.tree.items(start, end), most)
        found = self._downward(end, start, end, most)
        if found is None and not _OURS:
            found = self._downward(
                None, start, end, most
            )  # C's module finds no place behind the last key
        return found or []

    def _downward(self, at, start, end, most):
        found = None
        for item in self.tree.items(at, start, btree.DESC | btree.INCL):
            found = found or []
            if item[0] < end:  # C's module begins at the next key above
                if item[0] < start:
                    break
                found.append(item)
                if len(found) == most:
                    break
        return found

    def keys(self, start, end, most=_BATCH):
        return _some(self.tree.keys(start, end), most)

    def scan(self, *args):
        return self.tree.scan(*args)

    def clear(self):
        if hasattr(self.tree, "clear"):
            self.tree.clear()
            return
        while True:
            found = self.keys(None, None)
            if not found:
                return
            for key in found:
                del self.tree[key]

    def size(self):
        """Bytes of all pages in use."""
        if _OURS and hasattr(self.tree, "stat"):
            stat = self.tree.stat()
            return (stat["pages"] - stat["free"]) * stat["pagesize"]
        if self.file is not None:
            return self.file.seek(0, 2)
        return 0
