/** The agent for Python ≥ 3.5; what it hears and says is described in `chain.ts`. */
export const pythonAgent = String.raw`
import sys, select, time, errno
# The C modules behind socket, hashlib and signal load in half the time, which counts when many hosts start.
try: import _socket as socket
except ImportError: import socket
try: from _hashlib import openssl_sha256 as sha256
except ImportError: from hashlib import sha256
try: import _signal as signal
except ImportError: import signal
KEEP, WINDOW, PIECE, HELD = 16 << 20, 8 << 20, 1 << 20, 4096
# What is passed on goes at once; what is hashed and written here, in larger pieces: every turn costs time.
BATCH, LOW = 1 << 18, 1 << 15
ROOM = KEEP + WINDOW
ring = memoryview(bytearray(ROOM))
digest = sha256()
size = None
have = fed = sent = hashed = 0
own = (os.environ.get("SSH_CONNECTION", "").split() + ["", "", ""])[2]
expected = None
up = listener = caller = down = child = None
up_id = down_id = None
peer = token = said = None
greeting = b""
calling = done_read = child_in = folder = None
line_rest = b""
last_told = last_time = 0

def tell(*words):
    data = (" ".join(str(w) for w in words) + "\n").encode()
    while data:
        try:
            data = data[os.write(1, data):]
        except OSError as e:
            if e.errno not in (errno.EAGAIN, errno.EWOULDBLOCK): raise
            select.select([], [1], [])

def again(e): return e.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINPROGRESS, errno.EINTR)
def family(address): return socket.AF_INET6 if ":" in address else socket.AF_INET
def shut(thing):
    if thing is None: return None
    if isinstance(thing, int): os.close(thing)
    else: thing.close()
    return None
def number(thing): return thing if isinstance(thing, int) else thing.fileno()
def span(at, most):
    i = at % ROOM
    return ring[i:min(ROOM, i + min(most, PIECE))]

def start():
    global child, child_in, done_read, started
    started = True
    done_read, done_write = os.pipe()
    child_out, child_in = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(child_out, 0); os.dup2(2, 1)
        os.set_inheritable(done_write, True)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        try: os.execvp(sys.argv[1], sys.argv[1:])
        finally: os._exit(127)
    os.close(done_write); os.close(child_out)
    os.set_blocking(child_in, False)
    try:
        import fcntl
        fcntl.fcntl(child_in, 1031, BATCH) # F_SETPIPE_SZ
    except (OSError, ImportError): pass

def hang_up():
    global up, listener, caller
    up, listener, caller = shut(up), shut(listener), shut(caller)
    remove_pipe()

def order(words):
    global size, expected, up_id, down_id, listener, caller, peer, token, said, down, calling, broken, greeting, sent
    verb = words[0]
    if verb in ("listen", "feed") and have == size: return tell("have", have)
    if verb == "size":
        size = int(words[1])
    elif verb == "listen":
        hang_up()
        up_id, peer, token, said = words[1], words[2], words[3].encode() + b"\n", b""
        try:
            listener = socket.socket(family(own), socket.SOCK_STREAM); listener.setblocking(False)
            listener.bind((own, 0)); listener.listen(4)
            tell("listening", up_id, listener.getsockname()[1], have)
        except OSError as e:
            listener = shut(listener); tell("starved", up_id, e.strerror or e)
    elif verb == "feed":
        hang_up()
        up_id, token, said = words[1], words[2].encode() + b"\n", b""
        caller = make_pipe()
        tell("feeding", up_id, have, folder + "/feed")
    elif verb == "send":
        down = shut(down); down_id = words[1]; at = int(words[5])
        if at < have - ROOM: return tell("late", down_id)
        sent, greeting, calling = at, words[4].encode() + b"\n", True
        try:
            down = socket.socket(family(words[2]), socket.SOCK_STREAM); down.setblocking(False)
            down.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            down.bind((own, 0))
            down.connect((words[2], int(words[3])))
        except OSError as e:
            if not again(e): cut(e.strerror or e)
    elif verb == "digest":
        expected = words[1]

def cut(why):
    global down
    down = shut(down); tell("cut", down_id, why)

def starved(why):
    hang_up()
    if have < size: tell("starved", up_id, why)

def hear():
    global line_rest
    data = os.read(0, 65536)
    if not data: end(0)
    lines = (line_rest + data).split(b"\n")
    line_rest = lines.pop()
    for line in lines: order(line.decode().split(" "))

def end(status):
    if child is not None: stop_child()
    remove_pipe()
    os._exit(status)

def stop_child():
    # A shell heeds a signal when the program that it runs has ended, and that ends with its input.
    global child_in, child
    if child is None: return 0
    try: os.kill(child, signal.SIGTERM)
    except OSError: pass
    child_in = shut(child_in)
    return reap()

def reap():
    global child
    status = os.waitpid(child, 0)[1]
    child = None
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)

def make_pipe():
    global folder
    folder = os.environ.get("TMPDIR", "/tmp").rstrip("/") + "/rookery-chain." + "".join("%02x" % b for b in os.urandom(8))
    os.mkdir(folder, 0o700)
    os.mkfifo(folder + "/feed", 0o600)
    return os.open(folder + "/feed", os.O_RDONLY | os.O_NONBLOCK)

def remove_pipe():
    global folder
    if folder is not None:
        os.unlink(folder + "/feed"); os.rmdir(folder)
    folder = None

def answer():
    global caller, said
    try:
        fd, who = listener._accept()
    except OSError:
        return
    found = socket.socket(family(own), socket.SOCK_STREAM, 0, fd)
    if who[0].split("%")[0] != peer: return found.close()
    # The peer speaks at once: one that waits is not the peer, and must not keep it out.
    shut(caller)
    found.setblocking(False)
    caller, said = found, b""

def same(a, b):
    unlike = 0
    for x, y in zip(bytearray(a), bytearray(b)): unlike |= x ^ y
    return unlike == 0

def listen_to_caller():
    global caller, said, up, listener
    try:
        data = os.read(number(caller), len(token) - len(said))
    except OSError as e:
        if again(e): return
        data = b""
    said += data
    if data and len(said) < len(token): return
    if len(said) == len(token) and same(said, token):
        up, caller, listener = caller, None, shut(listener)
        if not isinstance(up, int): up.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, LOW)
        remove_pipe()
        tell("linked", up_id)
    else:
        caller = shut(caller)
        if listener is None: starved("nobody feeds it")

def room():
    slowest = fed if down is None else min(fed, sent)
    return min(size - have, WINDOW - (have - slowest), BATCH)

def take():
    global have
    part = span(have, room())
    try:
        n = up.recv_into(part) if not isinstance(up, int) else os.readv(up, [part])
    except OSError as e:
        if again(e): return
        return starved(e.strerror or e)
    if n == 0: return starved("the connection was closed")
    have += n
    if have - hashed >= BATCH or have == size: add_up()
    if have == size: hang_up()

def add_up():
    global hashed
    while hashed < have:
        part = span(hashed, have - hashed)
        digest.update(part)
        hashed += len(part)

def pass_on():
    global calling, greeting, sent, down
    try:
        if calling:
            e = down.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if e: return cut(os.strerror(e))
            calling = False
        if greeting:
            greeting = greeting[down.send(greeting):]
            if greeting: return
        if sent < have: sent += down.send(span(sent, have - sent))
    except OSError as e:
        if not again(e): return cut(e.strerror or e)
    if sent == size and not greeting:
        down.shutdown(socket.SHUT_WR)
        down = shut(down)

def ripe():
    return fed == size or feedable() - fed >= (BATCH if have < size else 1)

def feedable():
    if have < size or digest.hexdigest() != expected: return min(have, max(0, size - HELD))
    return size

def feed():
    global fed, child_in
    if fed < size:
        try:
            fed += os.write(child_in, span(fed, feedable() - fed))
        except OSError as e:
            if again(e): return
            fed = size
    if fed == size: child_in = shut(child_in)

checked = started = False
def main():
    global checked, last_told, last_time, done_read
    while True:
        reads, writes = [0], []
        if size is not None:
            if listener is not None: reads.append(listener)
            if caller is not None: reads.append(caller)
            if up is not None and room() > 0: reads.append(up)
            if down is not None:
                if calling or greeting or sent < have: writes.append(down)
                if not calling: reads.append(down)
            # Nothing is started before something has come: the start of the chain is what everybody waits for.
            if not started and ripe(): start()
            if child_in is not None and ripe(): writes.append(child_in)
            if done_read is not None: reads.append(done_read)
        able, free, _ = select.select(reads, writes, [], 1.0)
        if 0 in able: hear(); continue
        if size is None: continue
        if caller is not None and caller in able: listen_to_caller()
        if listener is not None and listener in able: answer()
        if up is not None and up in able: take()
        if down is not None and down in able:
            try:
                if not down.recv(1): cut("the connection was closed")
            except OSError as e:
                if not again(e): cut(e.strerror or e)
        if down is not None and down in free: pass_on()
        if child_in is not None and child_in in free: feed()
        if have == size and not checked and expected is not None:
            checked = True
            if digest.hexdigest() != expected:
                stop_child()
                tell("corrupt"); done_read = shut(done_read)
        if done_read is not None and done_read in able:
            done_read = shut(done_read)
            status = reap()
            if status == 0 and fed == size: tell("placed")
            else: tell("failed", status)
        now = time.monotonic()
        if now - last_time > (0.2 if have != last_told else 1.5) or (have == size and last_told != size):
            last_time, last_told = now, have
            tell("have", have)

signal.signal(signal.SIGPIPE, signal.SIG_IGN)
try:
    tell("own", own or "-")
    main()
except Exception:
    import traceback
    traceback.print_exc(limit=3)
    end(70)
`;
