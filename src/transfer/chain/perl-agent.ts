/** The agent for Perl ≥ 5.14; what it hears and says is described in `chain.ts`, and why it is as it is in `python-agent.ts`. */
export const perlAgent = String.raw`
use strict; no warnings; use Socket qw(:all); use Errno qw(EAGAIN EINTR EINPROGRESS EWOULDBLOCK);
use POSIX (); use Fcntl;
my ($KEEP, $WINDOW, $BATCH, $LOW, $HELD) = (16 << 20, 8 << 20, 1 << 18, 1 << 15, 4096);
my $ROOM = $KEEP + $WINDOW;
my $TICKS = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my $ring = "\0" x $ROOM;
my ($size, $expected, $up, $listener, $caller, $down, $up_id, $down_id, $peer, $token, $child, $child_in, $done, $folder);
my ($have, $fed, $sent, $hashed, $said, $greeting, $calling, $started, $checked) = (0, 0, 0, 0, "", "", 0, 0, 0);
my ($rest, $last_told, $last_time, $actual, $hash_in, $hash_out, $sha, $hash_pid) = ("", 0, 0);
my $own = (split ' ', $ENV{SSH_CONNECTION} || "")[2] || "-";
$SIG{PIPE} = 'IGNORE';

sub again { $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINPROGRESS} || $!{EINTR} }
sub tell_it {
  my $line = join(" ", @_) . "\n";
  while (length $line) {
    my $n = syswrite(STDOUT, $line);
    if (defined $n) { substr($line, 0, $n, "") } elsif (again()) { select(undef, undef, undef, 0.01) } else { finish(0) }
  }
}
sub unblocked { my $f = shift; my $flags = fcntl($f, F_GETFL, 0); fcntl($f, F_SETFL, $flags | O_NONBLOCK); $f }
sub family { $_[0] =~ /:/ ? AF_INET6 : AF_INET }
sub place { my ($address, $port) = @_;
  family($address) == AF_INET6 ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $address)) : pack_sockaddr_in($port, inet_aton($address)) }
sub parts { my $name = shift; my ($port, $address) = sockaddr_family($name) == AF_INET6 ? unpack_sockaddr_in6($name) : unpack_sockaddr_in($name);
  ($port, inet_ntop(sockaddr_family($name), $address)) }
sub span { my ($at, $most) = @_; my $i = $at % $ROOM; my $n = $ROOM - $i; $n = $most if $most < $n; ($i, $n) }
sub found { my $name = shift; for (split /:/, $ENV{PATH}) { return 1 if -x "$_/$name" } 0 }

sub start_hash {
  my @command = found("openssl") ? qw(openssl dgst -sha256) : eval { require Digest::SHA; 1 } ? () : found("sha256sum") ? "sha256sum" : qw(shasum -a 256);
  return $sha = Digest::SHA->new(256) unless @command;
  pipe(my $r, $hash_in) && pipe($hash_out, my $w) or die "pipe: $!";
  $hash_pid = fork; die "fork: $!" unless defined $hash_pid;
  unless ($hash_pid) {
    POSIX::dup2(fileno $r, 0); POSIX::dup2(fileno $w, 1); $SIG{PIPE} = 'DEFAULT';
    exec { $command[0] } @command; POSIX::_exit(127);
  }
}
sub add_up {
  start_hash() unless $hash_in || $sha;
  while ($hashed < $have) {
    my ($i, $n) = span($hashed, $have - $hashed);
    if ($sha) { $sha->add(substr($ring, $i, $n)) }
    else { $n = syswrite($hash_in, $ring, $n, $i); die "hash: $!" unless $n }
    $hashed += $n;
  }
  return if $have < $size;
  if ($sha) { $actual = $sha->hexdigest }
  else { close $hash_in; my $text = join "", <$hash_out>; waitpid $hash_pid, 0; ($actual) = $text =~ /([0-9a-f]{64})/; $actual ||= "none" }
}
sub start {
  $started = 1;
  pipe(my $in, $child_in) && pipe($done, my $done_in) or die "pipe: $!";
  $child = fork; die "fork: $!" unless defined $child;
  unless ($child) {
    POSIX::dup2(fileno $in, 0); POSIX::dup2(2, 1); fcntl($done_in, F_SETFD, 0); $SIG{PIPE} = 'DEFAULT';
    exec { $ARGV[0] } @ARGV; POSIX::_exit(127);
  }
  unblocked($child_in); fcntl($child_in, 1031, $BATCH); # F_SETPIPE_SZ
}
sub reap { waitpid $child, 0; undef $child; $? & 127 ? 128 + ($? & 127) : $? >> 8 }
sub stop_child { return 0 unless $child; kill 'TERM', $child; undef $child_in; reap() }
sub finish { stop_child(); remove_pipe(); POSIX::_exit($_[0]) }
sub make_pipe {
  open my $random, '<', '/dev/urandom'; sysread $random, my $bytes, 8;
  $folder = ($ENV{TMPDIR} || "/tmp") . "/rookery-chain." . unpack "H*", $bytes;
  mkdir $folder, 0700 or die "mkdir $folder: $!"; POSIX::mkfifo("$folder/feed", 0600) or die "mkfifo: $!";
  sysopen(my $f, "$folder/feed", O_RDONLY | O_NONBLOCK) or die "open: $!"; $f
}
sub remove_pipe { if (defined $folder) { unlink "$folder/feed"; rmdir $folder } undef $folder }
sub hang_up { undef $up; undef $listener; undef $caller; remove_pipe() }
sub cut { undef $down; tell_it("cut", $down_id, @_) }
sub starved { hang_up(); tell_it("starved", $up_id, @_) if $have < $size }

sub order {
  my ($verb, @words) = @_;
  return tell_it("have", $have) if $verb =~ /^(listen|feed)$/ && $have == $size;
  if ($verb eq "size") { $size = $words[0] }
  elsif ($verb eq "digest") { $expected = $words[0] }
  elsif ($verb eq "listen") {
    hang_up(); ($up_id, $peer, $token, $said) = (@words[0, 1], "$words[2]\n", "");
    if (socket($listener, family($own), SOCK_STREAM, 0) && bind($listener, place($own, 0)) && listen($listener, 4)) {
      unblocked($listener); tell_it("listening", $up_id, (parts(getsockname $listener))[0], $have);
    } else { my $why = "$!"; undef $listener; tell_it("starved", $up_id, $why) }
  } elsif ($verb eq "feed") {
    hang_up(); ($up_id, $token, $said) = ($words[0], "$words[1]\n", "");
    $caller = make_pipe(); tell_it("feeding", $up_id, $have, "$folder/feed");
  } elsif ($verb eq "send") {
    undef $down; $down_id = $words[0]; my ($address, $port, $at) = @words[1, 2, 4];
    return tell_it("late", $down_id) if $at < $have - $ROOM;
    ($sent, $greeting, $calling) = ($at, "$words[3]\n", 1);
    socket($down, family($address), SOCK_STREAM, 0) && bind($down, place($own, 0)) or return cut("$!");
    unblocked($down); setsockopt($down, IPPROTO_TCP, 1, 1); # TCP_NODELAY
    connect($down, place($address, $port)) or again() or cut("$!");
  }
}
sub hear {
  my $n = sysread(STDIN, my $data, 65536);
  return if !defined $n && again();
  finish(0) unless $n;
  $rest .= $data;
  order(split / /, $1) while $rest =~ s/^(.*)\n//;
}
sub answer {
  my $name = accept(my $found, $listener) or return;
  (my $who = (parts($name))[1]) =~ s/%.*//;
  return close $found if $who ne $peer;
  ($caller, $said) = (unblocked($found), "");
}
sub same { my ($a, $b) = @_; my $unlike = 0; $unlike |= ord($_) for split //, $a ^ $b; $unlike == 0 }
sub listen_to_caller {
  my $n = sysread($caller, $said, length($token) - length($said), length $said);
  return if !defined $n && again();
  return if $n && length $said < length $token;
  if (length $said == length $token && same($said, $token)) {
    my $socket = $listener; ($up, $caller, $listener) = ($caller, undef, undef);
    setsockopt($up, SOL_SOCKET, SO_RCVLOWAT, $LOW) if $socket;
    remove_pipe(); tell_it("linked", $up_id);
  } else { undef $caller; starved("nobody feeds it") unless $listener }
}
sub least { my $least = shift; for (@_) { $least = $_ if $_ < $least } $least }
sub room { my $slowest = $down ? least($fed, $sent) : $fed; least($size - $have, $WINDOW - ($have - $slowest), $BATCH) }
sub take {
  my ($i, $n) = span($have, room());
  $n = sysread($up, my $data, $n);
  return if !defined $n && again();
  return starved(defined $n ? "the connection was closed" : "$!") unless $n;
  substr($ring, $i, $n, $data); $have += $n;
  add_up() if $have - $hashed >= $BATCH || $have == $size;
  hang_up() if $have == $size;
}
sub pass_on {
  if ($calling) {
    $! = unpack "i", getsockopt($down, SOL_SOCKET, SO_ERROR);
    return cut("$!") if $!;
    $calling = 0;
  }
  if (length $greeting) {
    my $n = syswrite($down, $greeting);
    return again() ? undef : cut("$!") unless defined $n;
    substr($greeting, 0, $n, "");
    return if length $greeting;
  }
  if ($sent < $have) {
    my ($i, $n) = span($sent, $have - $sent);
    $n = syswrite($down, $ring, $n, $i);
    return again() ? undef : cut("$!") unless defined $n;
    $sent += $n;
  }
  undef $down if $sent == $size;
}
sub feedable { $have < $size || !defined $expected || $expected ne $actual ? ($have < $size - $HELD ? $have : $size > $HELD ? $size - $HELD : 0) : $size }
sub ripe { $fed == $size || feedable() - $fed >= ($have < $size ? $BATCH : 1) }
sub feed {
  if ($fed < $size) {
    my ($i, $n) = span($fed, feedable() - $fed);
    $n = syswrite($child_in, $ring, $n, $i);
    if (defined $n) { $fed += $n } elsif (again()) { return } else { $fed = $size }
  }
  undef $child_in if $fed == $size;
}
sub main {
  tell_it("own", $own);
  while (1) {
    my ($reads, $writes) = ("", "");
    my $on = sub { vec($_[0], fileno $_[1], 1) = 1 if $_[1] };
    $on->($reads, *STDIN);
    if (defined $size) {
      $on->($reads, $listener); $on->($reads, $caller);
      $on->($reads, $up) if $up && room() > 0;
      if ($down) { $on->($writes, $down) if $calling || length $greeting || $sent < $have; $on->($reads, $down) unless $calling }
      start() if !$started && ripe();
      $on->($writes, $child_in) if $child_in && ripe();
      $on->($reads, $done);
    }
    my $count = select($reads, $writes, undef, 1);
    ($reads, $writes) = ("", "") if $count <= 0;
    my $able = sub { $_[0] && vec($reads, fileno $_[0], 1) };
    my $free = sub { $_[0] && vec($writes, fileno $_[0], 1) };
    if ($able->(*STDIN)) { hear(); next }
    next unless defined $size;
    listen_to_caller() if $able->($caller);
    answer() if $able->($listener);
    take() if $able->($up);
    if ($able->($down)) { my $n = sysread($down, my $data, 1); cut("the connection was closed") if defined $n ? $n == 0 : !again() }
    pass_on() if $free->($down);
    feed() if $free->($child_in);
    if ($have == $size && !$checked && defined $expected) {
      $checked = 1;
      if ($actual ne $expected) { undef $done; stop_child(); tell_it("corrupt") }
    }
    if ($able->($done)) { undef $done; my $status = reap(); tell_it($status == 0 && $fed == $size ? "placed" : ("failed", $status)) }
    my $moment = (POSIX::times())[0] / $TICKS;
    if ($moment - $last_time > ($have != $last_told ? 0.2 : 1.5) || ($have == $size && $last_told != $size)) {
      ($last_time, $last_told) = ($moment, $have); tell_it("have", $have);
    }
  }
}
eval { main() };
print STDERR $@; finish(70);
`;
