# SPDX-License-Identifier: ISC
"""A plain Postfix that relays to a sink, to be measured beside us."""
import os
import pwd
import subprocess

from peers import MASTER, Server, wait_port
from relay import free_port

MAIN = '''
compatibility_level = 3.6
queue_directory = %(queue)s
data_directory = %(dir)s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = %(dir)s/log
maillog_file_prefixes = /var/tmp, /tmp, /dev/shm
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
relayhost = [127.0.0.1]:%(sink)d
smtpd_client_connection_rate_limit = 0
'''

LINES = '''
smtp unix - - n - - smtp
relay unix - - n - - smtp
'''


def configure(conf, port, **words):
    """main.cf and master.cf: dir for log and data, queue, sink's port."""
    with open(os.path.join(conf, 'main.cf'), 'w') as f:
        f.write(MAIN % words)
    services = [x for x in MASTER.splitlines()
                if not x.startswith((' ', '%'))]
    with open(os.path.join(conf, 'master.cf'), 'w') as f:
        f.write('\n'.join(['%d inet n - n - - smtpd' % port, *services]) +
                LINES)


class Relaying(Server):
    """Takes mail from loopback, hands it to a port of loopback."""

    def __init__(self, sink):
        super().__init__('/var/tmp')
        self.port = free_port()
        for name in ('conf', 'queue', 'data'):
            os.mkdir(os.path.join(self.dir, name), 0o755)
        os.chown(os.path.join(self.dir, 'data'),
                 pwd.getpwnam('postfix').pw_uid, -1)
        self.conf = os.path.join(self.dir, 'conf')
        configure(self.conf, self.port, dir=self.dir, sink=sink,
                  queue=os.path.join(self.dir, 'queue'))
        self.spawn('/usr/sbin/postfix', '-c', self.conf, 'start-fg')
        wait_port(self.port, self.process, 'postfix')

    def stop(self):
        subprocess.run(['/usr/sbin/postfix', '-c', self.conf, 'stop'],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().stop()
