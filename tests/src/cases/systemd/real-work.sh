# What people do on a host. It prints the same each time that nothing hinders it.
exec 2>&1
export HOME=/srv/real GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z LC_ALL=C
rm -rf "$HOME"
mkdir -p "$HOME"
cd "$HOME"
trap 'rm -rf /srv/real' EXIT

echo '# git'
git config --global user.name somebody
git config --global user.email somebody@example.org
git init -q -b main one
(cd one && mkdir deep && echo a > a && echo b > deep/b && git add . && git commit -qm first \
    && git mv a c && git commit -qam second && git tag v1 && git gc -q)
git clone -q one two
git -C two log --format='%H %s'
git -C two status --short
(cd two && echo more >> c && git diff --stat && git stash -q && git stash pop -q)

echo '# gcc'
cat > part.c <<'C'
int part(void) { return 42; }
C
cat > whole.c <<'C'
#include <pthread.h>
#include <stdio.h>
int part(void);
static void *run(void *it) { *(int *)it = part(); return 0; }
int main(void) { pthread_t t; int r = 0; pthread_create(&t, 0, run, &r); pthread_join(t, 0); printf("%d\n", r); return 0; }
C
gcc -shared -fPIC -O2 -o libpart.so part.c
gcc -O2 -o whole whole.c -L. -lpart -Wl,-rpath,"$HOME"
./whole
sha256sum whole libpart.so

echo '# python'
python3 - <<'PYTHON'
import compileall, multiprocessing, os, pathlib, signal, socket, sqlite3, subprocess, tempfile, unittest, zipfile
compileall.compile_dir("/srv/real", quiet=1)
with multiprocessing.get_context("fork").Pool(3) as pool:
    print(sum(pool.map(abs, range(-50, 50))))
with tempfile.TemporaryDirectory() as place:
    with zipfile.ZipFile(f"{place}/z.zip", "w") as archive:
        archive.write("/srv/real/part.c")
    print(zipfile.ZipFile(f"{place}/z.zip").namelist())
    db = sqlite3.connect(f"{place}/db")
    db.execute("create table t (x)")
    db.executemany("insert into t values (?)", [(n,) for n in range(100)])
    db.commit()
    print(db.execute("select sum(x) from t").fetchone())
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{place}/socket")
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect(f"{place}/socket")
    passed = socket.send_fds(client, [b"x"], [0])
    print(passed, len(socket.recv_fds(server.accept()[0], 1, 1)[1]))
    os.chmod(f"{place}/db", 0o600)
    os.chown(f"{place}/db", 1000, 1000)
    os.link(f"{place}/db", f"{place}/link")
    os.symlink("link", f"{place}/symlink")
    os.truncate(f"{place}/symlink", 7)
    print(os.stat(f"{place}/db").st_size, oct(os.stat(f"{place}/db").st_mode))
child = subprocess.Popen(["sleep", "100"])
child.send_signal(signal.SIGTERM)
print(child.wait())
tcp = socket.create_server(("127.0.0.1", 0))
print(socket.create_connection(tcp.getsockname()).getpeername() == tcp.getsockname())
PYTHON

echo '# node'
node -e '
const fs = require("fs"), http = require("http"), { Worker } = require("worker_threads");
const said = [require("child_process").execSync("echo from a child").toString()];
const server = http.createServer((_, answer) => answer.end("served")).listen(0, "127.0.0.1", () =>
    http.get({ host: "127.0.0.1", port: server.address().port }, got =>
        got.on("data", text => { said.push(`${text}`); server.close(); })));
const list = "require(\"worker_threads\").parentPort.postMessage(require(\"fs\").readdirSync(\"/srv/real/one\").join())";
new Worker(list, { eval: true }).on("message", names => said.push(names));
process.on("exit", () => console.log(said.sort().join("\n")));'

echo '# apt'
mkdir -p package/DEBIAN package/usr/share/real-work
echo content > package/usr/share/real-work/file
printf 'Package: real-work\nVersion: 1\nArchitecture: all\nMaintainer: somebody <somebody@example.org>\nDescription: work\n' \
    > package/DEBIAN/control
printf '#!/bin/sh\nset -e\necho configured > /var/lib/real-work\n' > package/DEBIAN/postinst
chmod 755 package/DEBIAN/postinst
dpkg-deb --build --root-owner-group package real-work.deb > /dev/null
apt-get -qq install -y ./real-work.deb > /dev/null
cat /usr/share/real-work/file /var/lib/real-work
dpkg-query -W real-work
apt-get -qq purge -y real-work > /dev/null
rm /var/lib/real-work
ls /usr/share/real-work 2>&1 || true

echo '# namespaces and mounts'
unshare --user --map-root-user --mount sh -c 'mount -t tmpfs own /mnt && echo x > /mnt/x && cat /mnt/x'
mkdir there
mount --bind one there
ls there
umount there
