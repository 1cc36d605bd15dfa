"""The original BerkeleyDB 1.85 B-tree of Debian's libdb1.so.2 as a test oracle.

Reads requests from standard input, one JSON object per line, and answers each with one line:
    {"do": "hello"}                                          -> {}
    {"do": "run", "db": path, "ops": path of a script,
     "psize": bytes, "minkeypage": n}                        -> {"results": "0010..."}
    {"do": "dump", "db": path}                               -> {"items": n, "dump_sha256": hex}
A request that fails is answered with {"error": text}. Scripts are lines of `P key value`,
`D key`, `R` (close, open again) and `F` (flush); hex, `-` is empty. A result is what the
library returned: 0 done, 1 no such key.
"""
import ctypes as C
import hashlib
import json
import os
import struct
import sys

PACKAGE = "libdb1-compat"
R_FIRST, R_LAST, R_NEXT, R_PREV = 3, 6, 7, 9
DB_BTREE = 0


class DBT(C.Structure):
    _fields_ = [("data", C.c_void_p), ("size", C.c_size_t)]


class BTREEINFO(C.Structure):
    _fields_ = [("flags", C.c_ulong), ("cachesize", C.c_uint), ("maxkeypage", C.c_int),
                ("minkeypage", C.c_int), ("psize", C.c_uint), ("compare", C.c_void_p),
                ("prefix", C.c_void_p), ("lorder", C.c_int)]


class DB(C.Structure):
    pass


def _function(*arguments):
    return C.CFUNCTYPE(C.c_int, C.POINTER(DB), *arguments, use_errno=True)


_DBT = C.POINTER(DBT)
DB._fields_ = [("type", C.c_int), ("close", _function()), ("del_", _function(_DBT, C.c_uint)),
               ("get", _function(_DBT, _DBT, C.c_uint)), ("put", _function(_DBT, _DBT, C.c_uint)),
               ("seq", _function(_DBT, _DBT, C.c_uint)), ("sync", _function(C.c_uint)),
               ("internal", C.c_void_p), ("fd", _function())]


def load():
    try:
        library = C.CDLL("libdb1.so.2", use_errno=True)
    except OSError as e:
        raise RuntimeError("%s: install Debian's package %s" % (e, PACKAGE))
    library.dbopen.restype = C.POINTER(DB)
    library.dbopen.argtypes = [C.c_char_p, C.c_int, C.c_int, C.c_int, C.POINTER(BTREEINFO)]
    return library.dbopen


def _dbt(data):
    # The buffer must live as long as the structure that points to it.
    buffer = C.create_string_buffer(data, len(data) + 1)
    dbt = DBT(C.cast(buffer, C.c_void_p), len(data))
    dbt.keep = buffer
    return dbt


def _bytes(dbt):
    return C.string_at(dbt.data, dbt.size) if dbt.size else b""


class Database:
    def __init__(self, path, psize=0, minkeypage=0, readonly=False):
        flags = os.O_RDONLY if readonly else os.O_RDWR | os.O_CREAT
        info = BTREEINFO(psize=psize, minkeypage=minkeypage)
        self.db = load()(os.fsencode(path), flags, 0o644, DB_BTREE, C.byref(info))
        if not self.db:
            self.fail()

    def fail(self):
        raise OSError(C.get_errno(), os.strerror(C.get_errno()))

    def check(self, result):
        return self.fail() if result < 0 else result

    def put(self, key, value):
        return self.check(self.db.contents.put(self.db, _dbt(key), _dbt(value), 0))

    def delete(self, key):
        return self.check(self.db.contents.del_(self.db, _dbt(key), 0))

    def get(self, key):
        value = DBT()
        missing = self.check(self.db.contents.get(self.db, _dbt(key), value, 0))
        return None if missing else _bytes(value)

    def scan(self, start, step):
        flag = start
        while True:
            key, value = DBT(), DBT()
            if self.check(self.db.contents.seq(self.db, key, value, flag)):
                return
            yield _bytes(key), _bytes(value)
            flag = step

    def sync(self):
        return self.check(self.db.contents.sync(self.db, 0))

    def close(self):
        return self.check(self.db.contents.close(self.db))


def unhex(word):
    return b"" if word == "-" else bytes.fromhex(word)


def run(request):
    def reopen():
        return Database(request["db"], request["psize"], request["minkeypage"])

    db, results = reopen(), []
    with open(request["ops"]) as script:
        for line in script:
            words = line.split()
            if words[0] == "P":
                result = db.put(unhex(words[1]), unhex(words[2]))
            elif words[0] == "D":
                result = db.delete(unhex(words[1]))
            elif words[0] == "F":
                result = db.sync()
            else:
                result = db.close()
                db = reopen()
            results.append(str(result))
    db.close()
    return {"results": "".join(results)}


def dump(request):
    db = Database(request["db"], readonly=True)
    items = list(db.scan(R_FIRST, R_NEXT))
    if list(db.scan(R_LAST, R_PREV)) != items[::-1]:
        raise RuntimeError("scans forward and backward differ")
    digest = hashlib.sha256()
    for key, value in items:
        digest.update(struct.pack("<I", len(key)) + key + struct.pack("<I", len(value)) + value)
        if db.get(key) != value:
            raise RuntimeError("get of %r (%d bytes) fails" % (key[:40], len(key)))
    db.close()
    return {"items": len(items), "dump_sha256": digest.hexdigest()}


def hello(_):
    load()
    return {}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"run": run, "dump": dump, "hello": hello}[request["do"]](request)
        except (OSError, RuntimeError) as e:
            answer = {"error": str(e)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
