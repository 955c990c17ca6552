"""What a program with psycopg2 does with a PostgreSQL address: rows, COPY both ways, LISTEN, a large row.
Task: MEKARE_LAB_TASK, JSON with `dsn`. Answers one JSON line."""

import io
import json
import os
import select

import psycopg2

task = json.loads(os.environ["MEKARE_LAB_TASK"])
conn = psycopg2.connect(task["dsn"])
conn.autocommit = True
cur = conn.cursor()
cur.execute("create temp table t (n int, what text)")
lines = "".join(f"{n}\tline {n}\n" for n in range(100000))
cur.copy_expert("copy t from stdin", io.StringIO(lines))
back = io.StringIO()
cur.copy_expert("copy (select * from t order by n) to stdout", back)
cur.execute("listen news")
other = psycopg2.connect(task["dsn"])
other.autocommit = True
other.cursor().execute("notify news, 'hello'")
while not conn.notifies:
    if not select.select([conn], [], [], 10)[0]:
        break
    conn.poll()
cur.execute("select repeat('x', 32 * 1024 * 1024)")
large = cur.fetchone()[0]
cur.execute("select length(%s)", (large,))
print(json.dumps({"copy": back.getvalue() == lines, "notified": [each.payload for each in conn.notifies],
                  "large": len(large), "sent": cur.fetchone()[0]}))
