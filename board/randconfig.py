#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""randconfig.py [SEED]: write a random .config and print the seed.

Every bool is drawn, numbers and strings keep their defaults.  The sanitizers
and the debug build are left to the person: a firmware never has them.
"""
import random
import sys

import kconfiglib

KEEP = ('STATIC', 'DEBUG', 'SANITIZE')


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 32)
    draw = random.Random(seed)
    conf = kconfiglib.Kconfig('Kconfig')
    for sym in conf.unique_defined_syms:
        if sym.orig_type == kconfiglib.BOOL and sym.name not in KEEP:
            sym.set_value(draw.choice((0, 2)))
    conf.write_config()
    print('SEED=%d' % seed)


if __name__ == '__main__':
    main()
