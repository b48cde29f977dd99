# SPDX-License-Identifier: ISC
"""Several processes, one spool, one lock (DESIGN.md 2.1 and 3.2).

test_everything_at_once lets submitters, flushes, operators, daemons and the
next hop loose on each other, with kills, for RACE_SECONDS (20), from
RACE_SEED (printed, else drawn).  What it draws is the order's, not the
kernel's: a seed does not replay the interleaving.
"""
import hashlib
import json
import os
import random
import re
import socket
import subprocess
import threading
import time

from fake import Close, Drop, Fake, Reply
from relay import SANITIZER, Client, Relay

SECONDS = float(os.environ.get('RACE_SECONDS', '20'))

# A command that has not ended by then never will: a deadlock.
LIMIT_S = 60

# A process that was killed so soon after its log line may not have come to
# its mark; an attempt that was under way when an order came goes on so long.
GRACE_S = 3

# Exit codes of DESIGN.md 2.1 that these commands may end with here.
CODES = {'sendmail': (0, 75), 'flush': (0, 75), 'queue': (0, 75),
         'show': (0, 65, 75), 'hold': (0, 65, 75), 'release': (0, 65, 75),
         'remove': (0, 65, 75), 'status': (0, 1, 2, 75), 'daemon': (0, 75)}


class Program:
    """A running command: what it says, with times, and how it ended."""

    def __init__(self, relay, name, words, stdin=None, user=None):
        self.name, self.words, self.user = name, words, user
        more = {}
        if user:
            more = {'user': user, 'group': 'nogroup', 'extra_groups': []}
        self.process = subprocess.Popen(
            [name, '-C', relay.file, *words], executable=relay.words[0],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **more)
        self.lines, self.out = [], b''
        self.killed_at = None
        self.readers = [threading.Thread(target=self.read_log, daemon=True),
                        threading.Thread(target=self.read_out, daemon=True)]
        for t in self.readers:
            t.start()
        try:
            self.process.stdin.write(stdin or b'')
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def read_log(self):
        for line in self.process.stderr:
            self.lines.append((time.monotonic(),
                               line.decode('utf-8', 'replace').rstrip()))

    def read_out(self):
        self.out = self.process.stdout.read()

    def kill(self):
        self.killed_at = time.monotonic()
        self.process.kill()

    def wait(self, limit_s=LIMIT_S):
        code = self.process.wait(limit_s)
        for t in self.readers:
            t.join()
        self.ended_at = time.monotonic()
        return code

    @property
    def err(self):
        return '\n'.join(line for _, line in self.lines)

    def __str__(self):
        return '%s %s (user %s): %s\n%s' % (
            self.name, ' '.join(self.words), self.user,
            self.process.returncode, self.err[-2000:])


class Sink(Fake):
    """A next hop that knows when each transaction began and was answered."""

    def keep(self, message):
        message.at = time.monotonic()
        message.mail_at = message.session.mail_at
        message.nth = len(message.session.commands)
        super().keep(message)

    @staticmethod
    def is_cut(message):
        """Did the client say nothing after it?  It may not have heard."""
        return len(message.session.commands) == message.nth


class Mail:
    """One submission and what was said of it."""

    def __init__(self, number, rng):
        self.token = 't%05d' % number
        self.sender = self.token + '@device.test'
        size = rng.choice((10, 200, 1500, 5000, 60000) if rng.random() < .3
                          else (10, 200, 1500))
        line = hashlib.sha256(self.token.encode()).hexdigest()
        text = (line + '\n') * (size // 65 + 1)
        self.body = text.encode()
        self.rcpts = ['r%d@example.org' % i
                      for i in range(rng.choice((1, 1, 1, 2, 5)))]
        self.acked = False
        self.removed_at = None   # an answered order
        self.maybe_removed = False
        self.held = []           # (answered, release begun or None)

    def let_go(self, now):
        self.held = [(at, until or now) for at, until in self.held]

    @property
    def text(self):
        return b'Subject: %s\n\n' % self.token.encode() + self.body

    @property
    def wire(self):
        return self.text.replace(b'\n', b'\r\n')


class Race:
    """The world and everybody in it."""

    def __init__(self, relay, sink, seed):
        self.relay, self.sink, self.seed = relay, sink, seed
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.mails, self.programs, self.faults = {}, [], []
        self.counts = {}
        self.limit_s = LIMIT_S

    def rng(self, name):
        return random.Random('%d %s' % (self.seed, name))

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n

    def fault(self, text):
        if text not in self.faults:
            self.faults.append(text)

    def mail(self, rng):
        with self.lock:
            m = Mail(len(self.mails), rng)
            self.mails[m.token] = m
        return m

    def begin(self, name, *words, **more):
        p = Program(self.relay, name, words, **more)
        with self.lock:
            self.programs.append(p)
        return p

    def end(self, p, kind, may_be_killed=False):
        """It returns, with a code it may return."""
        try:
            code = p.wait(self.limit_s)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            self.fault('never returned: %s' % p)
            return None
        self.count('%s %d' % (kind, code))
        if SANITIZER.search(p.err):
            self.fault('%s' % p)
        elif code not in CODES[kind] and not (code == -9 and may_be_killed) \
                and not (code == -15 and not p.lines):
            self.fault('exit code: %s' % p)
        elif code == 75:
            self.count_reason(kind, p)
        return code

    def count_reason(self, kind, p):
        """Why it asks to be tried again."""
        words = [line for _, line in p.lines if ' id=' not in line]
        if '-q' in p.words:
            return  # says nothing, cron would mail it
        if not words:
            self.fault('75 without a word: %s' % p)
            return
        self.count('%s 75: %s' % (kind, re.sub(
            r'^.*(: |\d\.\d )', '', words[-1])[:60]))

    def run(self, kind, *words, user=None):
        p = self.begin('mailmote', kind, *words, user=user)
        return p, self.end(p, kind)

    # -- those who take part; each ends when the race is over

    def sendmail(self, rng, user):
        m = self.mail(rng)
        mode = rng.choice(([], [], [], ['-odq'], ['-v']))
        p = self.begin('sendmail', *mode, '-f', m.sender, *m.rcpts,
                       stdin=m.text, user=user)
        if rng.random() < .1:
            time.sleep(rng.random() * .3)
            p.kill()
        m.acked = self.end(p, 'sendmail', True) == 0

    def submit_sendmail(self, rng, user):
        while not self.over.is_set():
            self.sendmail(rng, user)
            self.over.wait(rng.random() * .2)

    def converse(self, rng, local):
        """A few transactions in one session; True: it went well."""
        address = self.relay.submit if local else self.relay.port
        with Client(address) as c:
            if c.reply()[:3] != '220' or c.cmd('EHLO c.test')[:3] != '250':
                return False
            for _ in range(rng.randrange(1, 4)):
                m = self.mail(rng)
                if rng.random() < .05:
                    c.cmd('MAIL FROM:<%s>' % m.sender)
                    return True
                reply = c.message(m.sender, m.rcpts, m.wire)
                m.acked = reply[:3] == '250'
                self.count('smtp ' + (reply if reply[:1] == '4'
                                      else reply[:3]))
                if reply[:1] not in ('2', '4', ''):
                    self.fault('%s: %s' % (m.token, reply))
                if not m.acked:
                    return False
        return True

    def submit_smtp(self, rng, local):
        while not self.over.is_set():
            try:
                good = self.converse(rng, local)
            except (OSError, AssertionError) as e:
                if isinstance(e, socket.timeout):
                    self.fault('an SMTP session hangs')
                good = False
            self.over.wait(rng.random() * (.1 if good else .4))

    def flush(self, rng):
        while not self.over.is_set():
            name, words = rng.choice((
                ('mailmote', ['flush']), ('mailmote', ['flush', '--wait']),
                ('sendmail', ['-q'])))
            p = self.begin(name, *words)
            if rng.random() < .2:
                time.sleep(rng.random() * .4)
                p.kill()
            self.end(p, 'flush', True)
            self.over.wait(rng.random() * 1.5)

    def queue(self):
        """Identifiers and the mails they are; operators' words are JSON."""
        p, code = self.run('queue', '--json')
        found = {}
        if code != 0:
            return found
        for line in p.out.splitlines():
            try:
                entry = json.loads(line)
                found[entry['id']] = self.mails[entry['from'].split('@')[0]]
            except (ValueError, KeyError) as e:
                self.fault('queue: %r in %r' % (e, line))
        return found

    def order(self, rng, verb, ident, m):
        if verb == 'show':
            p, code = self.run('show', ident)
            if code == 0 and p.out.split(b'\n\n', 1)[1] != m.body:
                self.fault('show %s: %r' % (m.token, p.out[:200]))
            return
        began = time.monotonic()
        if verb == 'release':
            m.let_go(began)
        p, code = self.run(verb, ident)
        if verb == 'hold' and code == 0:
            m.held.append((time.monotonic(), None))
        if verb == 'remove' and code == 0:
            m.removed_at = time.monotonic()
        elif verb == 'remove' and code != 65:
            m.maybe_removed = True

    def operate(self, rng):
        while not self.over.is_set():
            found = sorted(self.queue().items())
            if found and rng.random() < .8:
                verb = rng.choice(('show', 'hold', 'release', 'release',
                                   'remove'))
                self.order(rng, verb, *rng.choice(found))
            if rng.random() < .2:
                self.run('status', *rng.choice(([], ['--json'])))
            self.over.wait(rng.random() * .5)

    def second_daemon(self, first):
        """One too many: it says so, and disturbs nobody.  Who stays."""
        both = [first, self.begin('mailmote', 'daemon')]
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end and \
                all(p.process.poll() is None for p in both):
            time.sleep(.01)
        # The second one was faster when the first had not yet begun.
        loser = both[both[1].process.poll() is not None]
        if loser.process.poll() is None:
            self.fault('two daemons at once')
            loser.kill()
        code = self.end(loser, 'daemon', True)
        if code == 75 and 'another' not in loser.err:
            self.fault('second daemon: %s' % loser)
        both.remove(loser)
        return both[0]

    def daemons(self, rng):
        while not self.over.is_set():
            self.over.wait(rng.random() * 1.5)
            p = self.begin('mailmote', 'daemon')
            time.sleep(rng.random() ** 2 * 4)
            if rng.random() < .15 and p.process.poll() is None:
                p = self.second_daemon(p)
            if rng.random() < .5:
                p.kill()
            else:
                p.process.terminate()
            began = time.monotonic()
            if self.end(p, 'daemon', p.killed_at is not None) is not None:
                self.count('daemon ended')
            if time.monotonic() - began > 20:
                self.fault('the daemon took its time to end: %s' % p)

    def hop(self, rng):
        while not self.over.is_set():
            self.over.wait(.2 + rng.random() * 2)
            self.sink.stop()
            self.over.wait(rng.random() * 1.5)
            self.sink.start()

    # -- the end

    def participants(self, is_root):
        users = [None, 'nobody', 'games'] if is_root else [None, None]
        for i, user in enumerate(users):
            yield self.submit_sendmail, ('sendmail%d' % i,), (user,)
        for i, local in enumerate((False, False, True)):
            yield self.submit_smtp, ('smtp%d' % i,), (local,)
        for i in range(2):
            yield self.flush, ('flush%d' % i,), ()
        yield self.operate, ('operate',), ()
        yield self.daemons, ('daemons',), ()
        yield self.hop, ('hop',), ()

    def guarded(self, act, rng, more):
        try:
            act(rng, *more)
        except Exception as e:
            self.fault('%s: %r' % (act.__name__, e))
            raise

    def race(self, seconds):
        threads = [threading.Thread(target=self.guarded,
                                    args=(act, self.rng(*name), more))
                   for act, name, more in
                   self.participants(os.getuid() == 0)]
        for t in threads:
            t.start()
        self.over.wait(seconds)
        self.over.set()
        for t in threads:
            t.join(3 * LIMIT_S)
            assert not t.is_alive(), 'somebody hangs'

    def must(self, *words):
        p, code = self.run(*words)
        if code != 0:
            self.fault('at the end: %s' % p)
        return p

    def drain(self):
        """All that waits is let go; the spool is empty then."""
        self.sink.script = {'mail': note_mail}
        self.limit_s = 5 * LIMIT_S  # hundreds of messages, a busy machine
        found = self.queue()
        for m in found.values():
            m.let_go(time.monotonic())
        if found:
            self.must('release', *found)
        self.count('left for the drain', len(found))
        for _ in range(3):
            self.must('flush', '--wait')
        p = self.must('queue')
        if p.out != b'Mail queue is empty\n':
            self.fault('the queue is not empty: %s' % p.out.decode()[-2000:])

    # -- the judgement

    def events(self):
        """(kind, token, rcpt) -> [(time, safe)] of all programs' logs."""
        found = {}
        shape = re.compile(r'\b(sent|uncertain) id=\S+ from=<(t\d+)@[^>]*> '
                           r'to=<([^>]*)>')
        for p in self.programs:
            for at, line in p.lines:
                m = shape.search(line)
                if m:
                    safe = not p.killed_at or at < p.killed_at - GRACE_S
                    found.setdefault(m.groups(), []).append((at, safe))
        return found

    def copies(self):
        """(token, rcpt) -> deliveries in their order."""
        found = {}
        for message in self.sink.messages:
            token = message.sender.split('@')[0]
            m = self.mails.get(token)
            if m is None or message.sender != m.sender:
                self.fault('invented: from %s' % message.sender)
                continue
            if message.body != m.body.replace(b'\n', b'\r\n') or \
                    message.header('Subject') != [token]:
                self.fault('%s was changed on its way' % token)
            for r in message.rcpts:
                if r not in m.rcpts:
                    self.fault('invented: %s to %s' % (token, r))
                found.setdefault((token, r), []).append(message)
        return found

    def judge_copies(self, key, copies, events):
        """Every copy but the last: a reply that may not have been heard."""
        token, rcpt = key
        for message in copies[:-1]:
            if not self.sink.is_cut(message):
                self.fault('%s to %s: a duplicate though the client went on '
                           'after the first' % key)
        for at, safe in events.get(('sent', token, rcpt), []):
            late = [c for c in copies if c.mail_at > at]
            if safe and late:
                self.fault('%s to %s: sent again %.1f s after it was logged '
                           'as sent' % (*key, late[0].mail_at - at))
        n = len(copies) - 1
        heard = len(events.get(('uncertain', token, rcpt), []))
        self.count('duplicates: logged as uncertain', min(n, heard))
        self.count('duplicates: killed before the mark',
                   max(0, n - heard))

    def judge_orders(self, m, copies):
        spans = [(at, until or float('inf')) for at, until in m.held]
        if m.removed_at:
            spans.append((m.removed_at, float('inf')))
        for c in copies:
            for at, until in spans:
                if at + GRACE_S < c.mail_at < until:
                    self.fault('%s went out %.1f s after an order against it'
                               ' at %.3f' % (m.token, c.mail_at - at, at))

    def judge(self):
        copies, events = self.copies(), self.events()
        for key, list_ in copies.items():
            self.judge_copies(key, list_, events)
            self.judge_orders(self.mails[key[0]], list_)
        for m in self.mails.values():
            missing = [r for r in m.rcpts if (m.token, r) not in copies]
            if m.acked and missing and not (m.removed_at or m.maybe_removed):
                self.fault('LOST: %s to %s' % (m.token, missing))
        self.count('mails', len(self.mails))
        self.count('acknowledged', sum(m.acked for m in self.mails.values()))
        self.count('removed', sum(m.removed_at is not None
                                  for m in self.mails.values()))
        self.count('delivered', sum(len(v) for v in copies.values()))

    def story(self, token):
        """All log lines about what befell one mail."""
        lines = [(at, p.process.pid, line) for p in self.programs
                 for at, line in p.lines if token in line]
        return '\n'.join('%.3f %d %s' % x for x in sorted(lines))


def moody(rng):
    """What a next hop does now and then."""
    def mail(session, argument):
        session.mail_at = time.monotonic()
        return Close('421 4.3.2 not now') if rng.random() < .02 else None

    def rcpt(session, argument):
        return Reply('450 4.2.1 later') if rng.random() < .04 else None

    def dot(session, argument):
        return Drop() if rng.random() < .03 else None

    def greeting(session, argument):
        return Drop() if rng.random() < .02 else None
    return {'mail': mail, 'rcpt': rcpt, 'dot': dot, 'greeting': greeting}


def note_mail(session, argument):
    session.mail_at = time.monotonic()


def test_everything_at_once(request):
    seed = int(os.environ.get('RACE_SEED') or
               random.SystemRandom().randrange(10 ** 9))
    print('RACE_SEED=%d RACE_SECONDS=%g' % (seed, SECONDS))
    sink = Sink(script=moody(random.Random(seed)))
    relay = Relay('smtp://127.0.0.1:%d tls=off' % sink.port,
                  retry='1s 3s', commit_after='1s')
    relay.write(spool=relay.spool + ' size=4M')
    race = Race(relay, sink, seed)
    try:
        race.race(SECONDS)
        sink.script['mail'] = note_mail
        race.drain()
        race.judge()
        for what in sorted(race.counts):
            print('%-40s %d' % (what, race.counts[what]))
        for fault in race.faults[:10]:
            print(fault)
            token = re.search(r't\d{5}', fault)
            if token:
                print(race.story(token.group(0)))
        assert not race.faults, race.faults[0]
        assert not sink.breaches
    finally:
        sink.stop()
        relay.close()
