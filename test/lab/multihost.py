# Patroni's own part of a gap: a libpq client that knows all members and asks them for the one that takes writes
# (target_session_attrs=read-write), with no proxy. Writes the same journal as client.ts. Task: MEKARE_LAB_TASK, JSON.

import json
import os
import signal
import sys
import time

import psycopg2

task = json.loads(os.environ["MEKARE_LAB_TASK"])
journal = open(task["journal"], "a", buffering=1)
pause = task["everyMs"] / 1000
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

WRITE = """insert into rows (id, writer) values (%s, 'multihost')
  returning host(inet_server_addr()), substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"""


def now():
    return time.monotonic_ns() // 1000 / 1000


def note(**entry):
    journal.write(json.dumps({"t": now(), "s": 0, **entry}) + "\n")


def fail(phase, error, **more):
    text = (str(error).strip().splitlines() or ["failed"])[0]
    note(e="error", phase=phase, code=getattr(error, "pgcode", None) or "", text=text, **more)


def ask(cursor, row):
    sent = now()
    cursor.execute(WRITE, (row,))
    member, timeline = cursor.fetchone()
    note(e="ok", sent=sent, id=str(row), member=member, timeline=timeline)


row = os.getpid() * 1_000_000_000_000
connection = None
while True:
    row += 1
    phase = "connect" if connection is None else "query"
    try:
        if connection is None:
            connection = psycopg2.connect(task["dsn"])
            connection.autocommit = True
            note(e="connected")
            phase = "query"
        ask(connection.cursor(), row)
    except psycopg2.Error as error:
        fail(phase, error, **({"id": str(row)} if phase == "query" else {}))
        if connection is not None:
            connection.close()
        connection = None
    time.sleep(pause)
