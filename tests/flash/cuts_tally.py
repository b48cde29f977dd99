# SPDX-License-Identifier: ISC
"""What was acknowledged against what arrived, over all cuts of a campaign.

The lines are those of cuts_guest.h.  A second copy is explained by a cut that
took the lazy mark of the first: the copies are of different boots, and no
commit that began after the answer to the first had been read was acknowledged
before the cut, as each commit takes all marks along (SPOOL.md 3).  The guest
never lives for the 10 minutes after which a mark is written alone.
"""


class Tally:
    """Takes events one by one; the result is in its counts."""

    def __init__(self):
        self.sent = {}        # number: (recipients, hash)
        self.acked = set()
        self.queued = 0       # how many of them by a commit
        self.got = {}         # (number, recipient): boot of the last copy
        self.copies = 0
        self.sealed = set()   # keys whose mark is on the medium
        self.boot = 0
        self.done = []        # keys of this boot that were answered
        self.begun = {}       # number: how many were answered before it came
        self.invented, self.window, self.outside, self.faults = [], [], [], []

    def feed(self, line):
        """One line; a cut leaves none half done, but be sure."""
        words = line.split()
        handler = getattr(self, 'on_' + words[0], None) if words else None
        if handler is None:
            self.faults.append(line)
            return
        handler(words)

    def on_B(self, _):
        self.boot += 1
        self.done, self.begun = [], {}

    def on_S(self, words):
        number = int(words[1])
        if number in self.sent:
            self.faults.append('handed in twice: %d' % number)
        self.sent[number] = (int(words[2]), words[3])
        self.begun[number] = len(self.done)

    def on_A(self, words):
        number = int(words[1])
        self.acked.add(number)
        if words[2] == 'q':
            self.queued += 1
            self.sealed.update(self.done[:self.begun[number]])

    def on_G(self, words):
        key = (int(words[1]), int(words[2]))
        known = self.sent.get(key[0])
        if known is None or words[3] != known[1] or key[1] >= known[0]:
            self.invented.append(key)
            return
        self.copies += 1
        if key in self.got:
            explained = (self.got[key] != self.boot and
                         key not in self.sealed)
            (self.window if explained else self.outside).append(key)
        self.got[key] = self.boot
        self.sealed.discard(key)

    def on_D(self, words):
        number = int(words[1])
        self.done += [(number, r) for r in range(self.sent[number][0])
                      if self.got.get((number, r)) == self.boot]

    def ignore(self, _):
        """The next hop's state and the cut itself are for the reader."""

    on_U = on_W = on_X = ignore

    def on_F(self, words):
        self.faults.append(' '.join(words[1:]))

    @property
    def lost(self):
        return sorted(n for n in self.acked
                      if any((n, r) not in self.got
                             for r in range(self.sent[n][0])))

    def is_good(self):
        return not (self.lost or self.invented or self.outside or self.faults)

    def text(self):
        arrived = {n for n, _ in self.got}
        return ('%d handed in, %d acknowledged (%d by a commit), %d delivered,'
                ' %d lost, %d invented, %d duplicates in the window,'
                ' %d outside, %d faults' % (
                    len(self.sent), len(self.acked), self.queued,
                    len(arrived), len(self.lost), len(self.invented),
                    len(self.window), len(self.outside), len(self.faults)))
