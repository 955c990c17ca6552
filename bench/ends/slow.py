# A client that asks for a whole table and reads it slowly: nothing at all for a while, then a little at a time, then the rest. Prints
# how many bytes came. Arguments: HOST PORT TABLE SECONDS (of each of the two slow parts).

import sys
import time

import psycopg2

host, port, table, pause = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])


class Slow:
    def __init__(self):
        self.bytes = 0
        self.begun = None

    def write(self, data):
        self.bytes += len(data)
        now = time.monotonic()
        if self.begun is None:
            self.begun = now
            time.sleep(pause)
        elif now - self.begun < 2 * pause:
            time.sleep(0.01)


reader = Slow()
connection = psycopg2.connect(host=host, port=port, user="postgres", dbname="postgres")
connection.cursor().copy_expert(f"copy {table} to stdout (format binary)", reader, size=65536)
print(reader.bytes)
