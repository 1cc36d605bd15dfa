"""What is CPython's own in btree: streams, exceptions, threads, garbage, programs that end.
The rest is tested by the scripts for MicroPython (tests/cpython)."""

import array
import errno
import gc
import io
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import weakref
from unittest import mock

import btree

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "data", "golden")


def fill(db, count=200):
    for number in range(count):
        db["%03d" % number] = "value %d" % number
    return dict(db.items())


def image(count=200, **options):
    stream = io.BytesIO()
    with btree.open(stream, pagesize=512, **options) as db:
        fill(db, count)
    return stream.getvalue()


class Hooked(io.BytesIO):
    """A stream that does something before it reads, writes, seeks or flushes."""

    hook = None

    def call(self, name):
        if self.hook is not None:
            self.hook(name)

    def readinto(self, buffer):
        self.call("read")
        return super().readinto(buffer)

    def write(self, data):
        self.call("write")
        return super().write(data)

    def seek(self, *args):
        self.call("seek")
        return super().seek(*args)

    def flush(self):
        self.call("flush")


class Directory(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="modbtree-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(directory.name, "db")


class Streams(Directory):
    def test_files(self):
        for buffering in (0, 16, -1):
            with open(self.path, "w+b", buffering) as f:
                with btree.open(f, pagesize=512) as db:
                    want = fill(db)
                    self.assertEqual(db.flush(), 0)
                self.assertFalse(f.closed)
            with open(self.path, "r+b", buffering) as f, btree.open(f) as db:
                self.assertEqual(dict(db.items()), want)
                db["more"] = "x" * 3000
            with open(self.path, "rb", buffering) as f, btree.open(f) as db:
                self.assertEqual((len(db), len(db["more"]), db.check()), (201, 3000, []))

    def test_a_file_for_reading_only(self):
        with open(self.path, "wb") as f:
            f.write(image())
        with open(self.path, "rb") as f:
            db = btree.open(f)
            db["a"] = "b"
            with self.assertRaises(io.UnsupportedOperation):
                db.flush()
            self.assertEqual(db["a"], b"b")
            with self.assertRaises(OSError):
                db.close()

    def test_append_mode(self):
        with open(self.path, "wb") as f:
            f.write(image())
        before = os.path.getsize(self.path)
        with open(self.path, "a+b") as f:
            db = btree.open(f)
            db["000"] = "changed"
            with self.assertRaises(OSError) as caught:
                db.flush()
            self.assertEqual(caught.exception.errno, errno.ESPIPE)
        # What was written lies behind the end.
        with open(self.path, "r+b") as f:
            f.truncate(before)
            self.assertEqual(btree.open(f)["000"], b"value 0")

    def test_all_reaches_the_disk(self):
        with open(self.path, "w+b") as f, mock.patch("os.fsync") as fsync:
            db = btree.open(f)
            db["a"] = "b"
            db.flush()
            fsync.assert_called_with(f.fileno())
            count = fsync.call_count
            db.flush()
            self.assertEqual(fsync.call_count, count)
            db["a"] = "c"
            fsync.side_effect = OSError(errno.EIO, "broken")
            with self.assertRaisesRegex(OSError, "broken"):
                db.flush()
            with self.assertRaises(OSError):
                db.close()
        # Not every file can be synced.
        with (
            open(self.path, "w+b") as f,
            mock.patch("os.fsync", side_effect=OSError(errno.EINVAL, "")),
        ):
            with btree.open(f) as db:
                db["a"] = "b"

    def test_the_least_that_a_stream_needs(self):
        class Least:
            def __init__(self):
                self.inner = io.BytesIO()

            def read(self, count):
                return self.inner.read(min(count, 100))

            def write(self, data):
                return self.inner.write(data[:300])

            def seek(self, offset, whence=0):
                self.inner.seek(offset, whence)

            def tell(self):
                return self.inner.tell()

            def flush(self):
                pass

        stream = Least()
        with btree.open(stream, pagesize=512) as db:
            want = fill(db)
        with btree.open(stream) as db:
            self.assertEqual(dict(db.items()), want)
        self.assertEqual(dict(btree.salvage(stream)), want)

    def test_what_is_no_stream(self):
        for wrong in (5, b"name", self.path, object(), io.BytesIO):
            for function in (btree.open, btree.salvage, btree.open(None).compact):
                with self.assertRaises((OSError, TypeError), msg=wrong):
                    function(wrong)
        with self.assertRaisesRegex(OSError, "stream operation not supported"):
            btree.open(self.path)
        for text in (io.StringIO(), open(os.devnull)):
            with text, self.assertRaisesRegex(TypeError, "binary mode"):
                btree.open(text)

    def test_nonsense_from_a_stream(self):
        class Nonsense(Hooked):
            answer = None

            def readinto(self, buffer):
                return super().readinto(buffer) if self.answer is None else self.answer

        for answer, raised in (
            ("x", TypeError),
            (1 << 70, OverflowError),
            (10**6, OSError),
            (-(1 << 40), OSError),
        ):
            stream = Nonsense(image())
            db = btree.open(stream)
            stream.answer = answer
            with self.assertRaises(raised):
                db["100"]
            stream.answer = None
            self.assertEqual(db["100"], b"value 100")

    def test_a_stream_that_keeps_its_buffer(self):
        class Keeper(Hooked):
            kept = []

            def readinto(self, buffer):
                self.kept.append(buffer)
                return super().readinto(buffer)

        stream = Keeper(image())
        with btree.open(stream) as db:
            for block in stream.kept:
                block[:] = bytes(len(block))
                block.clear()
            self.assertEqual(db["100"], b"value 100")

    def test_golden_files(self):
        count = 0
        for name in sorted(os.listdir(GOLDEN)):
            # (In those whose names begin with cbug, keys are out of order.)
            if name.endswith(".db") and not name.startswith("cbug"):
                with open(os.path.join(GOLDEN, name), "rb") as f, btree.open(f) as db:
                    self.assertEqual(len(list(db.items())), len(db), name)
                    copy = io.BytesIO()
                    self.assertEqual(db.compact(copy), len(db))
                    self.assertEqual(list(btree.open(copy).items()), list(db.items()))
                    count += 1
        self.assertGreater(count, 30)


class Exceptions(unittest.TestCase):
    def test_numbers(self):
        with self.assertRaises(OSError) as caught:
            btree.open(None, pagesize=511)
        error = caught.exception
        self.assertEqual(
            (error.errno, error.args, str(error)), (22, (22,), "[Errno 22] Invalid argument")
        )
        with self.assertRaises(OSError) as caught:
            btree.open(io.BytesIO(b"x" * 5000))
        error = caught.exception
        self.assertEqual((error.errno, error.args), (22, (22, "page 0 offset 0: not a btree file")))
        with self.assertRaises(FileExistsError) as caught:
            btree.open(None).compact(io.BytesIO(b"x"))
        self.assertEqual((caught.exception.errno, caught.exception.args), (17, (17,)))

    def test_keys(self):
        db = btree.open(None)
        for use in (lambda key: db[key], db.pop, db.__delitem__):
            with self.assertRaises(KeyError) as caught:
                use("missing")
            self.assertEqual(caught.exception.args, ("missing",))
        with self.assertRaisesRegex(KeyError, "empty"):
            db.popitem()
        self.assertIsNone(db.pop("missing", None))

    def test_a_last_item_that_no_search_finds(self):
        damaged = bytearray(image())
        at = damaged.rindex(b"199value")
        damaged[at : at + 3] = b"00!"
        db = btree.open(io.BytesIO(damaged))
        with self.assertRaises(KeyError) as caught:
            db.popitem()
        self.assertEqual(caught.exception.args, (b"00!",))
        self.assertEqual(len(list(db)), 200)

    def test_streams(self):
        for raised in (ValueError("mine"), OSError(5, "mine"), KeyboardInterrupt(), SystemExit(3)):
            for name in ("read", "write", "seek", "flush"):

                def hook(called):
                    if called == name:
                        raise raised

                stream = Hooked(image())
                db = btree.open(stream)
                stream.hook = hook
                with self.assertRaises(type(raised)) as caught:
                    if name in ("write", "flush"):
                        db["new"] = "x"
                        db.flush()
                    else:
                        db["100"]
                self.assertIs(caught.exception, raised)
                stream.hook = None
                self.assertEqual(db["100"], b"value 100")

    def test_both_streams_of_a_copy(self):
        source, target = Hooked(image()), Hooked()
        db = btree.open(source)
        for stream, name in ((source, "read"), (target, "write"), (target, "seek")):

            def hook(called):
                if called == name:
                    raise ValueError(name)

            stream.hook = hook
            with self.assertRaisesRegex(ValueError, name):
                db.compact(target)
            stream.hook = None
        self.assertEqual(db.compact(io.BytesIO()), 200)

    def test_interrupted(self):
        stream = Hooked(image())
        db = btree.open(stream)
        # What is started in the background need not have it.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        stream.hook = lambda name: signal.raise_signal(signal.SIGINT)
        with self.assertRaises(KeyboardInterrupt):
            db.check()
        stream.hook = None
        self.assertEqual(db.check(), [])

    def test_types(self):
        db = btree.open(None)
        for wrong in (None, 5, 1.5, [], {}):
            with self.assertRaises(TypeError):
                db[wrong] = "x"
            with self.assertRaises(TypeError):
                db["x"] = wrong
        with self.assertRaises(UnicodeEncodeError):
            db["\ud800"] = "x"
        self.assertEqual(len(db), 0)
        with self.assertRaises(TypeError):
            btree.Database()
        with self.assertRaises(TypeError):
            pickle.dumps(db)
        with self.assertRaises(OverflowError):
            btree.open(None, pagesize=1 << 64)

    def test_buffers(self):
        db = btree.open(None)
        for place, kind in enumerate(
            (bytes, bytearray, memoryview, lambda data: array.array("B", data))
        ):
            db[kind(b"key%d" % place)] = kind(b"value")
        db[memoryview(b"4yek")[::-1]] = array.array("H", [1, 2])
        self.assertEqual(len(list(db.keys(prefix="key"))), 5)
        self.assertEqual(db["key4"], array.array("H", [1, 2]).tobytes())


class Threads(unittest.TestCase):
    def test_while_another_is_at_work(self):
        stream = Hooked(image())
        db = btree.open(stream)
        running = db.items()
        next(running)
        at_work, go_on, results = threading.Event(), threading.Event(), []

        def hook(name):
            at_work.set()
            go_on.wait(60)

        def work():
            results.append(db["150"])

        stream.hook = hook
        thread = threading.Thread(target=work)
        thread.start()
        self.assertTrue(at_work.wait(60))
        for use in (
            lambda: db["000"], lambda: db.get("000"), lambda: next(running), lambda: len(db), db.flush, db.close,
            lambda: db.put("a", "b"), db.check, db.stat, lambda: db.compact(io.BytesIO()),
        ):  # fmt: skip
            with self.assertRaises(OSError) as caught:
                use()
            self.assertEqual(caught.exception.args, (errno.EBUSY,))
        self.assertTrue(db and repr(db).startswith("<btree 0x"))
        gc.collect()
        stream.hook = None
        go_on.set()
        thread.join()
        self.assertEqual(results, [b"value 150"])
        self.assertEqual(len(list(running)), 199)

    def test_a_finaliser_in_between(self):
        stream = Hooked(image())
        db = btree.open(stream)
        seen = []

        class Cycle:
            def __del__(self):
                try:
                    seen.append(db["000"])
                except OSError as e:
                    seen.append(e.errno)

        def hook(name):
            Cycle()

        stream.hook = hook
        self.assertEqual(db["150"], b"value 150")
        stream.hook = None
        self.assertTrue(seen and set(seen) == {errno.EBUSY})


class Garbage(unittest.TestCase):
    def test_cycles(self):
        class Stream(io.BytesIO):
            pass

        stream = Stream(image())
        db = btree.open(stream)
        stream.db, stream.running = db, db.keys(bytearray(b"1"), bytearray(b"2"))
        next(stream.running)
        salvaged = btree.salvage(stream)
        next(salvaged)
        stream.salvaged = salvaged
        there, data = weakref.ref(stream), stream.getvalue()
        db["not"] = "flushed"
        self.assertEqual(stream.getvalue(), data)
        del stream, db, salvaged
        gc.collect()
        self.assertIsNone(there())

    def test_an_iterator_keeps_its_database(self):
        class Stream(io.BytesIO):
            pass

        stream = Stream(image())
        there = weakref.ref(stream)
        running = btree.open(stream).keys()
        del stream
        gc.collect()
        self.assertEqual(len(list(running)), 200)
        gc.collect()
        self.assertIsNone(there())

    def test_close_lets_go_of_the_stream(self):
        class Stream(io.BytesIO):
            pass

        stream = Stream()
        there = weakref.ref(stream)
        db = btree.open(stream)
        db.close()
        del stream
        self.assertIsNone(there())
        self.assertEqual((repr(db), db.close(), bool(db)), ("<btree 0>", 0, True))

    def test_dropped_without_close(self):
        for flags in (0, btree.JOURNAL):
            stream = io.BytesIO()
            db = btree.open(stream, pagesize=512, flags=flags)
            want = fill(db)
            db.flush()
            data = stream.getvalue()
            db.clear()
            del db
            gc.collect()
            self.assertEqual(stream.getvalue(), data)
            self.assertEqual(dict(btree.open(stream, flags=flags).items()), want)

    def test_no_leak(self):
        class Marked(bytearray):
            pass

        made = []

        def work():
            for _ in range(20):
                db = btree.open(Hooked(image(20)))
                key = Marked(b"010")
                made.append(weakref.ref(key))
                list(db.items(key, key))
                with self.assertRaises(KeyError):
                    del db[key + b"x"]
            gc.collect()
            return len(gc.get_objects())

        work()
        before = work()
        del made[:]
        self.assertLess(abs(work() - before), 100)
        self.assertEqual([key for key in made if key() is not None], [])


PROGRAM = """
import btree, os, signal, sys
f = open(sys.argv[1], "w+b")
db = btree.open(f, flags=int(sys.argv[2]), pagesize=512)
for i in range(120):
    db["%03d" % i] = "value %d" % i
    if i % 10 == 9:
        db.flush()
for i in range(0, 120, 2):
    db["%03d" % i] = "changed"
"""

ENDS = (
    "pass",
    "sys.exit(0)",
    "f.close()",
    "raise Exception",
    "cycle = [db, f]; cycle.append(cycle); del db, f, cycle",
    "os._exit(0)",
    "os.kill(os.getpid(), signal.SIGKILL)",
    "os.abort()",
)

# Flushes for ever, with a number that all items have.
FLUSHES = """
import btree, itertools, sys
f = open(sys.argv[1], "w+b")
db = btree.open(f, flags=btree.JOURNAL, pagesize=512)
for number in itertools.count():
    for i in range(60):
        db["%03d" % (i * 7 % 60)] = "%d" % number * (1 + i % 5)
    db.flush()
    print(number, flush=True)
"""


class Programs(Directory):
    def test_that_end_without_close(self):
        for flags in (0, btree.JOURNAL):
            for end in ENDS:
                with self.subTest(end=end, flags=flags):
                    command = [sys.executable, "-c", PROGRAM + end + "\n", self.path, str(flags)]
                    subprocess.run(command, stderr=subprocess.DEVNULL, cwd=self.directory, check=False)
                    with open(self.path, "r+b") as f, btree.open(f, flags=flags) as db:
                        self.assertEqual(
                            dict(db.items()), {b"%03d" % i: b"value %d" % i for i in range(120)}
                        )
                        self.assertEqual(db.check(), [])

    def test_killed_in_a_flush(self):
        for least in range(0, 40, 4):
            with subprocess.Popen(
                [sys.executable, "-c", FLUSHES, self.path], stdout=subprocess.PIPE
            ) as program:
                done = -1
                while done < least:
                    done = int(program.stdout.readline())
                program.kill()
                rest = program.stdout.read().split()
                done = int(rest[-1]) if rest else done
            with open(self.path, "r+b") as f, btree.open(f, flags=btree.JOURNAL) as db:
                items = list(db.values())
                numbers = {
                    int(items[i * 7 % 60][: len(items[i * 7 % 60]) // (1 + i % 5)])
                    for i in range(60)
                }
                # That of the last flush that has returned, or of the one under way.
                self.assertEqual(len(numbers), 1)
                self.assertIn(numbers.pop(), (done, done + 1, done + 2))
                self.assertEqual(db.check(), [])


if __name__ == "__main__":
    unittest.main()
