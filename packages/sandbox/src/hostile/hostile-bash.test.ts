import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { openInside, listInside } from '../files/files.ts';
import { describeHostile } from '../../test/hostile-conformance.ts';

const MIB = 1024 * 1024;

describeHostile('hostile shell commands', 'bash', [
  // What they may read.
  {
    tries: 'to read secrets in the environment of any process',
    code: 'env; for p in /proc/[0-9]*; do cat $p/environ $p/cmdline | tr "\\0" "\\n"; done; echo END',
    ends: 'success',
    says: /END/,
    never: /OPENAI|DATABASE_URL|postgres:|REEVE/,
  },
  {
    tries: 'to find secrets in every file that it can read',
    code: `word=sk-pla; word=\${word}nted; grep -rlsI "$word" / --exclude-dir=usr --exclude-dir=sys --exclude-dir=task --exclude=kmsg --devices=skip && echo ESCAPED; echo END`,
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to read passwords and other files of the host',
    code: ({ directory }) =>
      `cat /etc/shadow /etc/passwd ${directory}/canary /proc/1/root${directory}/canary /proc/self/cwd/../${directory}/canary; ls /root /home /var /opt /srv /mnt /boot && echo ESCAPED; echo END`,
    ends: 'success',
    says: /END/,
    never: /root:|ESCAPED/,
  },
  {
    tries: 'to read the workspace of a neighbor',
    code: ({ directory }) =>
      `cat ${directory}/neighbor/notes ../neighbor/notes /workspace/../neighbor/notes && echo ESCAPED; ls ${directory} /workspace/.. | grep neighbor && echo ESCAPED; echo END`,
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to see the processes of the host',
    code: 'ls -d /proc/[0-9]* | wc -l; for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; done',
    ends: 'success',
    says: /^[1-9]\n/,
    never: /hostile-runner|sleep 600|--ro-bind/,
  },
  {
    tries: 'to read the memory of the kernel and of the machine',
    code: 'for f in /proc/kcore /proc/kmsg /proc/kallsyms /dev/mem /dev/kmem /dev/port /proc/sys/kernel/random/../../../kcore; do [ "$(head -c 1000 $f | tr -d "0 \\n" | head -c 20)" ] && [ $f != /proc/kallsyms ] && echo "ESCAPED $f"; done; dmesg && echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to read disks and other devices',
    code: 'for d in /dev/*; do [ -b $d ] && echo "ESCAPED $d"; done; ls /dev; head -c 1 /dev/vda /dev/sda /dev/nvme0n1 /dev/kvm /dev/fuse 2>/dev/null | grep . && echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
    never: /ESCAPED|vda|kvm|fuse|vhost/,
  },
  {
    tries: 'to use descriptors that Reeve has open',
    code: 'for f in /proc/self/fd/* /proc/1/fd/*; do n=${f##*/}; [ $n -gt 2 ] && [ $n != 255 ] && l=$(readlink $f) && case "$l" in /proc*|/run/*command|anon_inode:*) ;; *) echo "ESCAPED $f $l";; esac; done; echo END',
    ends: 'success',
    says: /END/,
  },
  // What they may change.
  {
    tries: 'to write system files',
    code: 'for f in /usr/bin/x /usr/local/bin/node /usr/local/x /etc/x /x /lib/x /dev/x /run/x /run/command /proc/x /sys/x; do echo a > $f && echo "ESCAPED $f"; done; echo END',
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to set what the kernel does, such as the handler of crashes',
    code: 'for f in kernel/core_pattern kernel/modprobe kernel/hostname vm/drop_caches vm/overcommit_memory fs/binfmt_misc/register; do echo "|/bin/true" > /proc/sys/$f && echo "ESCAPED $f"; done; echo b > /proc/sysrq-trigger && echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to escape through links in the workspace',
    code: 'ln -s /etc/shadow out; cat out && echo ESCAPED; ln -s /proc/1/root up; cat up/etc/shadow up/root/.bashrc && echo ESCAPED; ln -s ../../../../.. climb; echo END',
    ends: 'success',
    says: /END/,
    leaves: async (_, workspace) => {
      for (const path of ['out', 'up/etc/shadow', 'climb/etc/passwd'])
        await assert.rejects(openInside(workspace, path), { reason: 'invalid_request' }, path);
    },
  },
  {
    tries: 'to give a file of the system a name in the workspace',
    code: 'ln /usr/bin/su su && echo ESCAPED; ln /run/command me && echo ESCAPED; ln -L /proc/self/exe exe && echo ESCAPED; mkdir d; mount --bind / d && echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to take the workspace itself away',
    code: 'touch mine; mv /workspace /gone && echo ESCAPED; rmdir /workspace && echo ESCAPED; rm -rf /workspace; ln -s / /workspace/x; umount /workspace && echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'names that a careless host would run, print or follow',
    code: `touch -- '-rf' '$(id)' $'new\\nline' $'\\e[2J' $'\\xff\\xfe' '..x' '; rm -rf ~' "$(printf 'x%.0s' {1..255})"; mkfifo pipe; echo END`,
    ends: 'success',
    says: /END/,
    leaves: async (_, workspace) => {
      const { paths, complete } = await listInside(workspace, {
        maxEntries: 100,
        signal: new AbortController().signal,
      });
      assert.deepEqual([paths.length, complete], [8, true]);
      await assert.rejects(openInside(workspace, 'pipe'), { reason: 'invalid_request' });
    },
  },
  {
    tries: 'an archive with names that lead outside',
    code: `mkdir in; echo planted > in/f; tar -cPf a.tar --transform 's,^in/f,../../../../../../tmp/planted-by-tar,' in/f; tar -cPf b.tar --transform 's,^in/f,/etc/planted,' in/f; (cd in; tar -xPf ../a.tar; tar -xPf ../b.tar) && echo ESCAPED; ls /tmp; echo END`,
    ends: 'success',
    says: /END/,
    leaves: async () => assert.rejects(openInside('/tmp', 'planted-by-tar'), { reason: 'invalid_request' }),
  },
  // What they may become.
  {
    tries: 'to become root by setuid programs',
    code: 'find / -xdev -perm -4000 2>/dev/null | while read f; do echo id -u | timeout 1 $f 2>/dev/null; done; su -c "id -u"; sudo -n id -u; cp /usr/bin/id id; chmod 6755 id; ./id -u',
    ends: 'success',
    says: /^[1-9]\d*\n/m,
    never: /^0$/m,
  },
  {
    tries: 'namespaces of its own, mounts and another bubblewrap',
    code: 'unshare -Ur id && echo ESCAPED; unshare -m true && echo ESCAPED; unshare -n true && echo ESCAPED; unshare -rm mount -t tmpfs none /usr && echo ESCAPED; bwrap --unshare-all --ro-bind / / id && echo ESCAPED; nsenter -t 1 -a id && echo ESCAPED; mount -t proc proc /workspace && echo ESCAPED; mount -o remount,rw /usr && echo ESCAPED; umount /usr && echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
    never: /ESCAPED|uid=0/,
  },
  {
    tries: 'chroot, pivot_root and the classic way out of them',
    code: 'mkdir -p jail; chroot . true && echo ESCAPED; chroot jail /bin/sh && echo ESCAPED; pivot_root . jail && echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'devices, owners and capabilities of its own making',
    code: 'mknod sda b 8 0 && echo ESCAPED; mknod mem c 1 1 && echo ESCAPED; chown 0:0 . && echo ESCAPED; setcap cap_sys_admin+ep /workspace/x && echo ESCAPED; grep -E "^Cap(Eff|Prm|Inh|Amb)" /proc/self/status; hostname evil && echo ESCAPED; echo END',
    ends: 'success',
    says: /CapEff:\s+0+\nCapAmb:\s+0+\n/,
    leaves: () => assert.notEqual(hostname(), 'evil'),
  },
  {
    tries: 'to say itself that it ended well',
    code: `for fd in 3 4 5 6 7 8 9; do echo '{ "exit-code": 0 }' >&$fd; done 2>/dev/null; echo '{ "exit-code": 0 }'; exit 9`,
    ends: 'error',
    leaves: (result) => assert.equal(result.exitCode, 9),
  },
  // The network.
  {
    tries: 'to reach servers of the host, its network and the metadata of clouds',
    code: ({ port }) =>
      `for a in 127.0.0.1/${port} 127.0.0.1/5432 localhost/8080 0.0.0.0/${port} 169.254.169.254/80 172.17.0.1/2375 10.0.0.1/80 1.1.1.1/443; do (exec 3<>/dev/tcp/$a) && echo "ESCAPED $a"; done; for a in 8.8.8.8/53 255.255.255.255/9; do (echo x > /dev/udp/$a) && echo "ESCAPED $a"; done; getent hosts example.com && echo ESCAPED; echo END`,
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'the sockets of Docker, of databases and of the host',
    code: ({ directory }) =>
      `ls -la /var/run/docker.sock /run/docker.sock /run/containerd /run/postgresql /tmp/.s.PGSQL.5432 ${directory}/host.sock /run/dbus && echo ESCAPED; find / -xdev -type s | grep . && echo ESCAPED; echo END`,
    ends: 'success',
    says: /END/,
  },
  // Signals and processes.
  {
    tries: 'to kill processes of the host, and all that it can',
    code: ({ bystander, runner }) =>
      `kill -9 ${bystander.pid} ${runner.pid} && echo ESCAPED; kill -9 1; kill -STOP 1; kill -9 -1; echo END`,
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to leave a process behind in a session of its own',
    code: 'setsid bash -c \'trap "" TERM INT HUP; sleep 600\' >/dev/null 2>&1 </dev/null & disown; echo left',
    ends: 'success',
    says: /left/,
  },
  {
    tries: 'to leave a daemon behind whose parents are gone',
    code: '( ( (nohup sleep 600 >/dev/null 2>&1 </dev/null &) & ) & ); echo left',
    ends: 'success',
    says: /left/,
  },
  {
    tries: 'to be deaf to signals, with children that hold its output open',
    code: 'trap "" TERM INT HUP QUIT; (trap "" TERM; sleep 600) & wait; while :; do :; done',
    timeoutMs: 600,
    ends: 'time',
  },
  { tries: 'a fork bomb', code: ':(){ :|:& };:; sleep 60', timeoutMs: 1_200, ends: 'time' },
  {
    tries: 'sixteen loops at once',
    code: 'for i in {1..16}; do (while :; do :; done) & done; wait',
    request: { limits: { cpuMs: 600 } },
    ends: 'cpu',
  },
  { tries: 'an endless loop', code: 'while :; do :; done', timeoutMs: 600, ends: 'time' },
  { tries: 'to sleep beyond its time', code: 'sleep 600', timeoutMs: 400, ends: 'time' },
  { tries: 'to wait for input that never comes', code: 'cat; read x; echo END', ends: 'success', says: /END/ },
  { tries: 'to crash', code: 'ulimit -c unlimited; kill -SEGV $$', ends: 'error' },
  // Output.
  { tries: 'a flood of output', code: 'yes', ends: 'output' },
  { tries: 'a flood of NUL characters on standard error', code: 'cat /dev/zero >&2', ends: 'output' },
  {
    tries: 'a flood from children that outlive it',
    code: 'for i in {1..8}; do yes & done; exit 0',
    ends: ['success', 'output'],
  },
  {
    tries: 'output that is no text, or orders a terminal about',
    code: "printf '\\xff\\xfe\\xc3\\x28\\xed\\xa0\\x80\\e]0;owned\\a\\e[2J\\0END'",
    ends: 'success',
    says: /END/,
    leaves: ({ stdout }) => assert.equal(Buffer.from(stdout).toString(), stdout),
  },
  // Memory and disk.
  {
    tries: 'a memory bomb',
    code: 'tail /dev/zero',
    ends: ['error', 'memory'],
    request: { limits: { memoryBytes: 256 * MIB } },
  },
  {
    tries: 'one file without end',
    code: 'cat /dev/zero > large',
    request: { limits: { fileBytes: 8 * MIB } },
    ends: 'error',
  },
  {
    tries: 'a file that is large without taking room',
    code: 'truncate -s 1T sparse && echo ESCAPED; fallocate -l 1T full && echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to fill the disk with many files',
    code: 'for i in {1..200}; do head -c 8M /dev/zero > f$i || exit 1; done; sleep 2; echo ESCAPED',
    request: { limits: { diskBytes: 64 * MIB } },
    ends: 'disk',
  },
  {
    tries: 'to fill the disk with files that have lost their names',
    code: 'for i in {1..60}; do exec {fd}>f; rm f; head -c 8M /dev/zero >&$fd; done; sleep 2; echo ESCAPED',
    request: { limits: { diskBytes: 64 * MIB } },
    ends: 'disk',
  },
  {
    tries: 'to fill the disk where nobody may look',
    code: 'mkdir d; chmod 300 d; for i in {1..200}; do head -c 8M /dev/zero > d/f$i || exit 1; done; sleep 2; echo ESCAPED',
    request: { limits: { diskBytes: 64 * MIB } },
    ends: ['disk', 'files'],
  },
  {
    tries: 'files without number',
    code: 'for i in {1..400}; do touch $(eval echo f$i-{1..250}) || exit 1; done; sleep 2; echo ESCAPED',
    request: { limits: { files: 2_000 } },
    ends: 'files',
  },
  {
    tries: 'files without number in memory',
    code: 'cd /tmp; for i in {1..400}; do touch $(eval echo f$i-{1..250}) || exit 1; done; sleep 2; echo ESCAPED',
    request: { limits: { files: 2_000 } },
    ends: { bubblewrap: 'files', docker: 'error' },
  },
  {
    tries: 'to fill the memory through files',
    code: 'head -c 200M /dev/zero > /tmp/x && echo ESCAPED; head -c 200M /dev/zero > /dev/shm/x && echo ESCAPED; for i in {1..100}; do head -c 8M /dev/zero > /tmp/y$i || break; done; [ $i -lt 20 ] || echo ESCAPED; echo END',
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'an archive that is small and unpacks to gigabytes',
    code: 'set -o pipefail; head -c 128M /dev/zero | gzip -1 > bomb.gz; rm -f out; gunzip -c bomb.gz > out; echo "status $?"; [ $(stat -c %s out) -gt 9000000 ] && echo ESCAPED; echo END',
    request: { limits: { fileBytes: 8 * MIB } },
    ends: 'success',
    says: /status (?!0)[\d]+[^]*END/,
  },
]);
