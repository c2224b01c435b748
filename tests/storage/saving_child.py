"""A process that saves one model over and over, for a test to kill. Each line on its input starts one such process.

It imports once and forks, so that a kill costs milliseconds. Every number in the n-th file is n, so that a file that
mixes two saves shows.
"""

import os
import sys

from networks import numbered_model

path = sys.argv[1]
model = numbered_model()
for line in sys.stdin:
    process = os.fork()
    if process == 0:
        number = int(line)
        while True:
            number += 1
            numbered_model(number, model).save(path)
    print(process, flush=True)
    os.waitpid(process, 0)
    print("dead", flush=True)
