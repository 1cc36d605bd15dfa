"""A PostgreSQL server in a temporary directory."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile


def programs():
    """Where the programs of the newest PostgreSQL are, Debian's included."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    found.sort(key=lambda path: float(path.split("/")[4]))
    initdb = found[-1] if found else shutil.which("initdb")
    if initdb is None:
        raise RuntimeError("PostgreSQL is missing: there is no initdb")
    return os.path.dirname(initdb)


class Server:
    def __init__(self):
        self.programs = programs()
        self.directory = tempfile.mkdtemp(prefix="modbtree-pg-")
        self.identity = {}
        if os.geteuid() == 0:
            # PostgreSQL refuses to be run by root.
            user = pwd.getpwnam("postgres")
            self.identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        self.data = os.path.join(self.directory, "data")
        try:
            self.run(
                "initdb",
                "-D",
                self.data,
                "-U",
                "test",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            )
            options = "-c listen_addresses='' -c fsync=off -k '%s'" % self.directory
            log = os.path.join(self.directory, "log")
            self.run("pg_ctl", "-D", self.data, "-o", options, "-l", log, "-w", "start")
        except BaseException:
            self.stop()
            raise

    def run(self, name, *args, text=None):
        result = subprocess.run(
            [os.path.join(self.programs, name), *args],
            input=text,
            # (A server that is started keeps what it inherits.)
            stdout=subprocess.DEVNULL if name == "pg_ctl" else subprocess.PIPE,
            stderr=subprocess.DEVNULL if name == "pg_ctl" else subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": self.directory},
            **self.identity,
        )
        if result.returncode != 0:
            raise RuntimeError(
                "%s: %s" % (name, result.stderr or "exit code %d" % result.returncode)
            )
        return result.stdout

    def sql(self, script, **variables):
        """Runs a script with psql; returns the rows of its results, a list of columns for each."""
        args = [
            "-h",
            self.directory,
            "-U",
            "test",
            "-d",
            "postgres",
            "-X",
            "-q",
            "-A",
            "-t",
            "-0",
            "-F",
            "\x1f",
        ]
        for name, value in variables.items():
            args += ["-v", "%s=%s" % (name, value)]
        printed = self.run("psql", *args, "-v", "ON_ERROR_STOP=1", "-f", "-", text=script)
        return [row.split("\x1f") for row in printed.split("\0")[:-1]]

    def stop(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.directory)
