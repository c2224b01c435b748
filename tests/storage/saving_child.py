"""A server whose child processes save a model repeatedly until a test kills them. Each input line starts one child.

The server imports the package once and forks, so a killed child costs milliseconds. Every value in the n-th file is n,
so a file that mixes two saves is detected.
"""

import os
import sys

from networks import constant_model

path = sys.argv[1]
model = constant_model()
for line in sys.stdin:
    process = os.fork()
    if process == 0:
        number = int(line)
        while True:
            number += 1
            constant_model(number, model).save(path)
    print(process, flush=True)
    os.waitpid(process, 0)
    print("dead", flush=True)
