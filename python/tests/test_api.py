"""The functions of btrees_json, their arguments and exceptions."""

import array
import gc
import json
import threading
import unittest

import btrees_json

TEXT = '{"@cls":["BTrees.OOBTree","OOBTree"],"@s":{"@kv":[["a",1],["b",[true,null,"é"]]]}}'
RECORD = btrees_json.encode(TEXT)


def tree(value):
    return '{"@cls":["BTrees.OOBTree","OOBTree"],"@s":{"@kv":[["a",%s]]}}' % value


class Functions(unittest.TestCase):
    def test_all_ways_agree(self):
        self.assertEqual(btrees_json.decode(RECORD), TEXT)
        objects = json.loads(TEXT)
        self.assertEqual(btrees_json.decode_zodb_record(RECORD), objects)
        self.assertEqual(list(btrees_json.decode_zodb_record(RECORD)), ["@cls", "@s"])
        self.assertEqual(btrees_json.encode_zodb_record(objects), RECORD)
        self.assertEqual(
            btrees_json.decode_zodb_record_for_pg(RECORD), ("BTrees.OOBTree", "OOBTree", objects["@s"], [])
        )
        module, name, state, refs = btrees_json.decode_zodb_record_for_pg_json(RECORD)
        self.assertEqual((module, name, refs), ("BTrees.OOBTree", "OOBTree", []))
        self.assertEqual(btrees_json.encode_state(module, name, state), RECORD)

    def test_buffers(self):
        for kind in (bytes, bytearray, memoryview, lambda data: array.array("B", data)):
            self.assertEqual(btrees_json.decode(kind(RECORD)), TEXT)
            self.assertEqual(btrees_json.encode(kind(TEXT.encode())), RECORD)
        # Bytes that do not lie beside each other, and what has no buffer of bytes.
        self.assertEqual(btrees_json.decode(memoryview(RECORD[::-1])[::-1]), TEXT)
        for wrong in ("text", None, 5, [1], array.array("I", [1])):
            with self.assertRaises(TypeError, msg=repr(wrong)):
                btrees_json.decode(wrong)
        for wrong in (None, 5, {}, array.array("I", [1])):
            with self.assertRaises(TypeError, msg=repr(wrong)):
                btrees_json.encode(wrong)

    def test_text_that_is_no_unicode(self):
        with self.assertRaises(UnicodeDecodeError) as caught:
            btrees_json.encode(b'{"\xff')
        self.assertEqual(caught.exception.start, 2)
        with self.assertRaises(UnicodeEncodeError):
            btrees_json.encode(tree('"\ud800"'))
        with self.assertRaises(UnicodeEncodeError):
            btrees_json.encode_zodb_record(json.loads(tree('"\\ud800"')))

    def test_options(self):
        with self.assertRaises(TypeError):
            btrees_json.encode(TEXT, False)
        with self.assertRaises(TypeError):
            btrees_json.decode(RECORD, True)
        with self.assertRaisesRegex(ValueError, "style"):
            btrees_json.encode(TEXT, style="other")
        self.assertEqual(btrees_json.encode(TEXT, style="zodb")[:4], b"\x80\x03cB")
        large = btrees_json.encode(tree("1e16"))
        self.assertIn('{"@f":"1e16"}', btrees_json.decode(large, jsonb=True))
        self.assertEqual(btrees_json.decode_zodb_record_for_pg(large)[2], {"@kv": [["a", {"@f": "1e16"}]]})
        self.assertEqual(btrees_json.decode_zodb_record_for_pg(large, jsonb=False)[2], {"@kv": [["a", 1e16]]})
        with self.assertRaises(btrees_json.DecodeError):
            btrees_json.decode(RECORD + b"x", strict=True)
        unsorted = TEXT.replace('"b"', '"A"')
        with self.assertRaises(btrees_json.EncodeError):
            btrees_json.encode(unsorted)
        self.assertEqual(btrees_json.decode(btrees_json.encode(unsorted, strict=False)), unsorted)

    def test_oids_are_numbers_for_bigint(self):
        ref = '{"@ref":["%s","m.C"]}'
        record = btrees_json.encode(tree("[%s,%s]" % (ref % "8000000000000000", ref % "000000000000000a")))
        for function in (btrees_json.decode_zodb_record_for_pg, btrees_json.decode_zodb_record_for_pg_json):
            self.assertEqual(function(record)[3], [-(2**63), 10])


class Objects(unittest.TestCase):
    def both(self, value):
        record = {"@cls": ["BTrees.OOBTree", "OOBTree"], "@s": {"@kv": [["a", value]]}}
        return btrees_json.encode_zodb_record(record), record

    def test_values(self):
        class Text(str):
            pass

        class Number(int):
            def __repr__(self):
                return "no number"

        class Dict(dict):
            pass

        for value in (
            [], {}, [[]], {"a": {}}, "x\n\0\x1f\"\\é😀", 0, -1, 2**63, -(2**64), 0.1, 1e300, -0.0, True, False, None,
            Text("x"), Dict(a=[Number(5), Number(2**70)]), [[1, [2, {"k": [3]}], 4], 5], [{"a": 1}, {"b": [2]}],
        ):  # fmt: skip
            encoded, record = self.both(value)
            self.assertEqual(encoded, btrees_json.encode(json.dumps(record)), repr(value))
        for value, marker in ((float("nan"), "nan"), (float("inf"), "inf"), (float("-inf"), "-inf")):
            self.assertEqual(self.both(value)[0], self.both({"@f": marker})[0])

    def test_what_is_not_json(self):
        for wrong in ((1, 2), b"x", {1}, object(), {1: 2}, {None: 1}, [(), 1]):
            with self.assertRaises(TypeError, msg=repr(wrong)):
                self.both(wrong)
        with self.assertRaises(btrees_json.EncodeError):
            btrees_json.encode_zodb_record([])
        endless = []
        endless.append(endless)
        with self.assertRaisesRegex(btrees_json.EncodeError, "nested too deep"):
            self.both(endless)
        deep = []
        for _ in range(200000):
            deep = [deep]
        with self.assertRaisesRegex(btrees_json.EncodeError, "nested too deep"):
            self.both(deep)
        while deep:
            deep = deep.pop()

    def test_deep_objects(self):
        deep = []
        for _ in range(999):
            deep = [deep]
        encoded, record = self.both(deep)
        # Comparing or printing them would be too deep for Python itself.
        decoded = btrees_json.decode_zodb_record(encoded)["@s"]["@kv"][0][1]
        depth = 0
        while decoded:
            (decoded,) = decoded
            depth += 1
        self.assertEqual(depth, 999)

    def test_nothing_leaks(self):
        """Objects made and dropped again and again leave nothing behind."""
        record = btrees_json.encode(tree('[{"@ref":["0000000000000001","m.C"]},{"k":["v",{"@t":[1]}]}]'))

        def work():
            for _ in range(50):
                btrees_json.encode_zodb_record(btrees_json.decode_zodb_record(record))
                for wrong in (record[:-5], record[:60]):
                    try:
                        btrees_json.decode_zodb_record(wrong)
                    except btrees_json.DecodeError:
                        pass
            gc.collect()
            return len(gc.get_objects())

        work()
        before = work()
        self.assertLess(abs(work() - before), 20)


class Collections(unittest.TestCase):
    """While objects are made or looked at, there are no collections of garbage, which could run any code."""

    def setUp(self):
        self.addCleanup(gc.enable)
        self.addCleanup(gc.set_threshold, *gc.get_threshold())

    def test_they_go_on_as_before(self):
        objects = json.loads(TEXT)
        for change in (gc.enable, gc.disable):
            change()
            enabled = gc.isenabled()
            btrees_json.decode_zodb_record(RECORD)
            btrees_json.encode_zodb_record(objects)
            with self.assertRaises(btrees_json.DecodeError):
                btrees_json.decode_zodb_record(RECORD[:-3])
            for wrong in ({}, {"@cls": []}, json.loads(tree('{"@b":5}')), json.loads(tree('"\\ud800"'))):
                with self.assertRaises(ValueError):
                    btrees_json.encode_zodb_record(wrong)
            self.assertEqual(gc.isenabled(), enabled)

    def test_there_are_none_meanwhile(self):
        text = '{"@cls":["BTrees.OOBTree","OOSet"],"@s":{"@ks":[%s]}}' % ",".join(
            '{"@t":[%d,[]]}' % number for number in range(3000)
        )
        record = btrees_json.encode(text)
        seen = []
        gc.set_threshold(50)
        gc.callbacks.append(lambda phase, info: seen.append(phase))
        self.addCleanup(gc.callbacks.clear)
        objects = btrees_json.decode_zodb_record(record)
        self.assertLessEqual(len(seen), 2)
        self.assertEqual(btrees_json.encode_zodb_record(objects), record)
        del seen[:]
        # Otherwise there are.
        self.assertEqual(json.loads(text), objects)
        self.assertGreater(len(seen), 10)


class Exceptions(unittest.TestCase):
    def test_records(self):
        with self.assertRaises(btrees_json.DecodeError) as caught:
            btrees_json.decode(RECORD[:50])
        error = caught.exception
        self.assertIsInstance(error, ValueError)
        self.assertIsInstance(error, btrees_json.Error)
        self.assertEqual((error.offset, error.opcode, error.unsupported), (48, "BINUNICODE", False))
        self.assertEqual(str(error), "offset 48, opcode BINUNICODE: " + error.reason)
        with self.assertRaises(btrees_json.DecodeError) as caught:
            btrees_json.decode_zodb_record(b"\x80\x03cmymod\nP\n.\x80\x03}.")
        self.assertTrue(caught.exception.unsupported)
        with self.assertRaises(btrees_json.DecodeError) as caught:
            btrees_json.decode(b"")
        self.assertIsNone(caught.exception.opcode)
        self.assertEqual(type(error).__module__, "btrees_json")

    def test_texts(self):
        with self.assertRaises(btrees_json.EncodeError) as caught:
            btrees_json.encode(tree('{"@b":"?"}'))
        error = caught.exception
        self.assertIsInstance(error, btrees_json.Error)
        self.assertEqual((error.offset, error.path), (61, '$["@s"]["@kv"][0][1]["@b"]'))
        self.assertEqual(error.reason, "@b: not base64")
        with self.assertRaises(btrees_json.EncodeError) as caught:
            btrees_json.encode_state("os", "system", "null")
        self.assertEqual((caught.exception.offset, caught.exception.path), (0, "$"))


class Threads(unittest.TestCase):
    def test_many_at_once(self):
        text = '{"@cls":["BTrees.IIBTree","IISet"],"@s":{"@ks":[%s]}}' % ",".join(map(str, range(20000)))
        record = btrees_json.encode(text)
        wrong = []

        def work(number):
            for _ in range(20):
                if btrees_json.decode(record) != text or btrees_json.encode(text) != record:
                    wrong.append(number)
                if btrees_json.decode_zodb_record(RECORD) != json.loads(TEXT):
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_from_inside_itself(self):
        """Dropping objects may run any code, and that use the same functions."""
        text = '{"@cls":["BTrees.OOBTree","OOSet"],"@s":{"@ks":[%s]}}' % ",".join(
            '{"@t":[%d,[]]}' % number for number in range(3000)
        )
        record = btrees_json.encode(text)
        ran = []

        class Cycle:
            def __del__(self):
                ran.append(btrees_json.decode_zodb_record(RECORD) == json.loads(TEXT))

        old = gc.get_threshold()
        gc.set_threshold(50)
        try:
            for _ in range(20):
                cycle = Cycle()
                cycle.self = cycle
                del cycle
                self.assertEqual(btrees_json.decode_zodb_record(record), json.loads(text))
        finally:
            gc.set_threshold(*old)
        gc.collect()
        self.assertTrue(ran and all(ran))


if __name__ == "__main__":
    unittest.main()
