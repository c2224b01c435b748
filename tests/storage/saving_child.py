"""A server whose child processes save a model repeatedly until they are killed. Each input line starts one child.

The server imports the package once and forks, so a killed child costs milliseconds. A line has the number of the last
file and the two arguments of `CountedEvents`. Every value in the n-th file is n, so a file that mixes two saves is
detected. The child prints its process number first.
"""

import os
import sys

from counted_events import CountedEvents
from networks import constant_model

path = sys.argv[1]
model = constant_model()
for line in sys.stdin:
    process = os.fork()
    if process == 0:
        print(os.getpid(), flush=True)
        number, fatal, reported = map(int, line.split())
        CountedEvents(fatal, bool(reported))
        while True:
            number += 1
            constant_model(number, model).save(path)
    os.waitpid(process, 0)
    print("dead", flush=True)
