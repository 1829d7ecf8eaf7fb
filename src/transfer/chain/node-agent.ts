/** The agent for Node ≥ 12; what it hears and says is described in `chain.ts`, and why it is as it is in `python-agent.ts`. */
export const nodeAgent = String.raw`
const net = require("net"), fs = require("fs"), crypto = require("crypto"), { spawn, execFileSync } = require("child_process");
const KEEP = 16 << 20, WINDOW = 8 << 20, ROOM = KEEP + WINDOW, HELD = 4096;
const ring = Buffer.alloc(ROOM), hash = crypto.createHash("sha256");
const own = (process.env.SSH_CONNECTION || "").split(" ")[2] || "-";
let size, expected, actual, have = 0, fed = 0, sent = 0, told = 0, toldAt = 0;
let up, upId, listener, caller, token, peer, down, downId, calling, folder, child, full = false, over = false;
const tell = (...words) => process.stdout.write(words.join(" ") + "\n");
const finish = (status) => { stopChild(); removePipe(); process.exit(status); };
const span = (at, most) => { const i = at % ROOM; return ring.subarray(i, Math.min(ROOM, i + Math.min(most, 1 << 18))); };

function start() {
  child = spawn(process.argv[1], process.argv.slice(2), { stdio: ["pipe", 2, 2] });
  child.on("error", (e) => { console.error(e.message); tell("failed", 127); });
  child.stdin.on("error", () => { fed = size; });
  child.stdin.on("drain", () => { full = false; turn(); });
  child.on("exit", (code) => { child = undefined; if (!over) tell(...(code === 0 && fed === size ? ["placed"] : ["failed", code])); });
}
function stopChild() { over = true; if (child) { child.kill("SIGTERM"); child.stdin.destroy(); } }
function makePipe() {
  folder = (process.env.TMPDIR || "/tmp") + "/rookery-chain." + crypto.randomBytes(8).toString("hex");
  fs.mkdirSync(folder, 0o700);
  execFileSync("mkfifo", ["-m", "600", folder + "/feed"]);
  // Not opened here: an open that waits for a writer would keep a thread, and this program from its end.
  const cat = spawn("cat", [folder + "/feed"], { stdio: ["ignore", "pipe", "ignore"] });
  cat.stdout.stop = () => cat.kill();
  return cat.stdout;
}
function removePipe() { if (folder) { try { fs.unlinkSync(folder + "/feed"); fs.rmdirSync(folder); } catch (e) {} } folder = undefined; }
function drop(stream) { if (stream) { stream.removeAllListeners(); stream.on("error", () => {}); stream.destroy(); if (stream.stop) stream.stop(); } }
function hangUp() { drop(up); drop(caller); if (listener) listener.close(); up = caller = listener = undefined; removePipe(); }
function cut(why) { drop(down); down = undefined; tell("cut", downId, why); turn(); }
function starved(why) { hangUp(); if (have < size) tell("starved", upId, why); }

function hearCaller(stream) {
  let said = Buffer.alloc(0);
  const gone = () => { if (caller === stream) { drop(caller); caller = undefined; if (!listener) starved("nobody feeds it"); } };
  caller = stream;
  stream.on("error", gone); stream.on("close", gone); stream.on("end", gone);
  stream.on("data", (data) => {
    said = Buffer.concat([said, data]);
    if (said.length < token.length) return;
    if (!crypto.timingSafeEqual(said.subarray(0, token.length), token)) return gone();
    stream.removeAllListeners();
    up = stream; caller = undefined;
    if (listener) listener.close();
    listener = undefined; removePipe();
    tell("linked", upId);
    let why = "the connection was closed";
    stream.on("error", (e) => { why = e.message; });
    stream.on("close", () => { if (up === stream) starved(why); });
    stream.on("end", () => { if (up === stream) starved(why); });
    stream.on("data", (part) => { if (up === stream) take(part); });
    if (said.length > token.length) take(said.subarray(token.length));
  });
}
function take(data) {
  for (let at = 0; at < data.length && have < size;) {
    const place = span(have, Math.min(data.length - at, size - have));
    data.copy(place, 0, at); hash.update(place);
    at += place.length; have += place.length;
  }
  if (have === size) { actual = hash.digest("hex"); hangUp(); }
  turn();
}
const feedable = () => have < size || actual !== expected ? Math.min(have, Math.max(0, size - HELD)) : size;
function turn() {
  if (size === undefined) return;
  if (have === size && expected !== undefined && actual !== expected && !over) { stopChild(); tell("corrupt"); }
  if (!over && !child && fed === 0 && have > 0) start();
  // What was written may be read from the ring long after: it is copied.
  while (child && !over && !full && fed < feedable()) {
    const part = Buffer.from(span(fed, feedable() - fed));
    fed += part.length; full = !child.stdin.write(part);
    if (fed === size) child.stdin.end();
  }
  while (down && !calling && !down.full && sent < have) {
    const part = Buffer.from(span(sent, have - sent));
    sent += part.length; down.full = !down.write(part);
    if (sent === size) { const last = down; down = undefined; last.removeAllListeners("close"); last.end(); }
  }
  const slowest = down ? Math.min(fed, sent) : fed;
  if (up) { if (have - slowest < WINDOW) up.resume(); else up.pause(); }
  const now = Date.now();
  if (now - toldAt > (have !== told ? 200 : 1500) || (have === size && told !== size)) { toldAt = now; told = have; tell("have", have); }
}
function order([verb, ...words]) {
  if ((verb === "listen" || verb === "feed") && have === size) return tell("have", have);
  if (verb === "size") size = +words[0];
  else if (verb === "digest") expected = words[0];
  else if (verb === "listen") {
    hangUp(); [upId, peer] = words; token = Buffer.from(words[2] + "\n");
    const server = listener = net.createServer((socket) => {
      if ((socket.remoteAddress || "").replace(/%.*/, "") !== peer || listener !== server) return socket.destroy();
      drop(caller); hearCaller(socket);
    });
    server.on("error", (e) => { if (listener === server) starved(e.message); });
    server.listen(0, own, 4, () => tell("listening", upId, server.address().port, have));
  } else if (verb === "feed") {
    hangUp(); upId = words[0]; token = Buffer.from(words[1] + "\n");
    hearCaller(makePipe()); tell("feeding", upId, have, folder + "/feed");
  } else if (verb === "send") {
    drop(down); downId = words[0];
    if (+words[4] < have - ROOM) { down = undefined; return tell("late", downId); }
    sent = +words[4]; calling = true;
    const socket = down = net.connect({ host: words[1], port: +words[2], localAddress: own });
    const fail = (why) => { if (down === socket) cut(why); };
    socket.on("error", (e) => fail(e.message)); socket.on("close", () => fail("the connection was closed"));
    socket.on("drain", () => { socket.full = false; turn(); });
    socket.on("connect", () => { calling = false; socket.setNoDelay(true); socket.write(words[3] + "\n"); turn(); });
    socket.resume();
  }
  turn();
}
let rest = first.toString();
const hear = (data) => { const lines = (rest + data).split("\n"); rest = lines.pop(); for (const line of lines) order(line.split(" ")); };
process.stdout.on("error", () => finish(0));
process.on("uncaughtException", (e) => { console.error(e.stack); finish(70); });
process.stdin.on("data", hear);
process.stdin.resume();
setInterval(turn, 1000);
tell("own", own);
hear("");
`;
