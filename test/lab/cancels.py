"""Cancels one of two running queries, again and again, with libpq's plain CancelRequest; counts which query ended.
Two sessions go through the address in `dsn`; `members` (address to dsn) are asked directly whether a query runs.
Task: MEKARE_LAB_TASK, JSON. Answers one JSON line."""

import json
import os
import threading
import time

import psycopg2
import psycopg2.extensions

task = json.loads(os.environ["MEKARE_LAB_TASK"])


class Sleeper:
    """A session that sleeps in the server until it is cancelled, then sleeps again."""

    def __init__(self):
        self.conn = psycopg2.connect(task["dsn"])
        self.conn.autocommit = True
        self.pid = self.conn.info.backend_pid
        with self.conn.cursor() as cur:
            cur.execute("select host(inet_server_addr())")
            self.member = cur.fetchone()[0]
        self.watch = psycopg2.connect(task["members"][self.member])
        self.watch.autocommit = True
        self.failed = None
        self.sleep()

    def sleep(self):
        self.ended = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            with self.conn.cursor() as cur:
                cur.execute("select pg_sleep(120)")
            self.ended = "slept"
        except psycopg2.extensions.QueryCanceledError:
            self.ended = "cancelled"
        except psycopg2.Error as error:
            self.ended = str(error)

    def sleeps(self):
        with self.watch.cursor() as cur:
            cur.execute("select wait_event = 'PgSleep' from pg_stat_activity where pid = %s", (self.pid,))
            row = cur.fetchone()
        return bool(row and row[0])

    def until_asleep(self):
        end = time.monotonic() + 10
        while not self.sleeps():
            if time.monotonic() > end:
                raise SystemExit(f"{self.member}: the query does not run: {self.ended}")


pair = [Sleeper(), Sleeper()]
right = 0
wrong = []
took = []
for turn in range(task["rounds"]):
    if turn >= task["burst"]:
        time.sleep(task["pause"])
    chosen, other = pair[turn % 2], pair[1 - turn % 2]
    for sleeper in pair:
        sleeper.until_asleep()
    began = time.monotonic()
    chosen.conn.cancel()
    chosen.thread.join(10)
    took.append(time.monotonic() - began)
    if chosen.ended == "cancelled" and other.ended is None and other.sleeps():
        right += 1
    else:
        wrong.append([turn, chosen.ended, other.ended])
    if chosen.ended is not None:
        chosen.sleep()
took.sort()
print(json.dumps({"right": right, "wrong": wrong, "members": [each.member for each in pair],
                  "medianMs": round(took[len(took) // 2] * 1000, 1), "worstMs": round(took[-1] * 1000, 1)}))
for sleeper in pair:
    sleeper.conn.cancel()
    sleeper.thread.join(10)
