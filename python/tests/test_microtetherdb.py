"""microtetherdb in CPython: background work by tasks of asyncio, and files on disk."""

import asyncio
import os
import tempfile
import unittest

from microtetherdb import InvalidKeyError, InvalidValueError, MicroTetherDB, QueryError
from microtetherdb.ttl import Clock


class Tasks(unittest.TestCase):
    """The clock of the database is turned on by hand."""

    def setUp(self):
        self.ahead = 0
        now = Clock.now
        self.addCleanup(setattr, Clock, "now", now)
        Clock.now = lambda clock: now(clock) + self.ahead
        self.db = MicroTetherDB(ttl_check_interval=0.01)
        self.addCleanup(self.db.close)

    def store(self, count):
        for number in range(count):
            self.db.put("expires-%d-%d" % (self.ahead, number), number, ttl=10)

    async def settle(self, expired):
        for _ in range(1000):
            if self.db.stats()["expired"] == expired:
                return
            await asyncio.sleep(0.005)
        self.fail("%r have not expired but %r" % (expired, self.db.stats()["expired"]))

    def test_a_task_removes_what_expires(self):
        async def use():
            self.store(20)
            self.ahead += 20000
            await self.settle(20)
            self.assertEqual(len(self.db), 0)

        asyncio.run(use())

    def test_loops_come_and_go(self):
        async def use():
            self.store(1)

        asyncio.run(use())
        # Its task has gone with the loop: operations do the work.
        self.ahead += 20000
        self.db.get("x")
        self.assertEqual(self.db.stats()["expired"], 1)

        async def again():
            self.store(1)
            self.ahead += 20000
            await self.settle(2)

        asyncio.run(again())

    def test_without_asyncio(self):
        self.store(3)
        self.ahead += 20000
        for _ in range(5):
            self.db.get("x")
        self.assertEqual(self.db.stats()["expired"], 3)

    def test_many_tasks(self):
        async def writer(me):
            for number in range(50):
                self.db.put("%d-%02d" % (me, number), {"n": number, "me": me})
                await asyncio.sleep(0)

        async def use():
            await asyncio.gather(*(writer(me) for me in range(4)))

        asyncio.run(use())
        self.assertEqual(len(self.db.query({"n": {"$gte": 40}})), 40)


class Files(unittest.TestCase):
    def test_stored_and_opened_again(self):
        with tempfile.TemporaryDirectory(prefix="modbtree-") as directory:
            path = os.path.join(directory, "notes.db")
            with MicroTetherDB(path, in_memory=False) as db:
                for number in range(200):
                    db.put(
                        "note-%03d" % number,
                        {"n": number, "text": "é" * number},
                        tags=["t%d" % (number % 3)],
                    )
            with MicroTetherDB(path, in_memory=False) as db:
                self.assertEqual(len(db), 200)
                self.assertEqual(db.get("note-007")["text"], "é" * 7)
                self.assertEqual(db.count({"tags": "t1"}), 67)


class Halves(unittest.TestCase):
    """A str here may hold half of a surrogate pair, which UTF-8 has no bytes for."""

    def test_nothing_is_stored(self):
        half = "\ud800"
        with MicroTetherDB(index=["a"]) as db:
            for key, document, tags in (
                ("k", {"a": half}, None),
                ("k", {half: 1}, None),
                ("k", {"a": 1}, [half]),
            ):
                with self.assertRaises(InvalidValueError):
                    db.put(key, document, tags=tags)
            with self.assertRaises(InvalidValueError):
                db.put_batch([{"a": 1}, {"a": half}])
            for call in (lambda: db.put(half, 1), lambda: db.get(half), lambda: db.delete(half)):
                with self.assertRaises(InvalidKeyError):
                    call()
            for value in (half, {"$startswith": half}, {"$in": [half]}):
                with self.assertRaises(QueryError):
                    db.count({"a": value})
            with self.assertRaises(QueryError):
                db.count({half: 1})
            self.assertEqual(len(db), 0)


if __name__ == "__main__":
    unittest.main()
