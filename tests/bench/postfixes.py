# SPDX-License-Identifier: ISC
"""A plain Postfix that relays to a sink, to be measured beside us."""
import os
import pwd
import subprocess

from peers import MASTER, Server, wait_port
from relay import free_port

MAIN = '''
compatibility_level = 3.6
queue_directory = %(dir)s/queue
data_directory = %(dir)s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = %(dir)s/log
maillog_file_prefixes = /var/tmp, /tmp
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


class Relaying(Server):
    """Takes mail from loopback, hands it to a port of loopback."""

    def __init__(self, sink):
        super().__init__('/var/tmp')
        self.port = free_port()
        for name in ('conf', 'queue', 'data'):
            os.mkdir(os.path.join(self.dir, name), 0o755)
        os.chown(os.path.join(self.dir, 'data'),
                 pwd.getpwnam('postfix').pw_uid, -1)
        self.file('conf/main.cf', MAIN % {'dir': self.dir, 'sink': sink})
        services = [x for x in MASTER.splitlines()
                    if not x.startswith((' ', '%'))]
        self.file('conf/master.cf', '\n'.join(
            ['%d inet n - n - - smtpd' % self.port, *services]) + LINES)
        self.conf = os.path.join(self.dir, 'conf')
        self.spawn('/usr/sbin/postfix', '-c', self.conf, 'start-fg')
        wait_port(self.port, self.process, 'postfix')

    def stop(self):
        subprocess.run(['/usr/sbin/postfix', '-c', self.conf, 'stop'],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().stop()
