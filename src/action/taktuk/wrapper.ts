/**
 * Runs on a host around the command that TakTuk executes there, in Perl, which TakTuk needs anyway. TakTuk leaves commands running
 * when it is gone: this ends them when the pipe to TakTuk is closed. It also hands on how the command ended, and in the mode `get`
 * writes its output in hexadecimal, since TakTuk carries lines of text.
 */
const program = `use POSIX ();
my ($mode,$id,$text)=map{pack "H*",$_}@ARGV;
$ENV{ROOKERY_ID}=$id;
my $line=$ENV{TAKTUK_CONTROL_READ};
delete @ENV{grep /^TAKTUK_/,keys %ENV};
pipe(my $r,my $w);
$SIG{CHLD}=sub{syswrite $w,"x"};
my ($out,$in,$coder);
if($mode eq "get"){
pipe($out,$in);$coder=fork;
unless($coder){close $in;$|=1;my $n;while($n=read $out,my $b,12288){print unpack("H*",$b),"\\n"}POSIX::_exit(0)}
close $out}
my $pid=fork;defined $pid or exit 126;
unless($pid){
open STDIN,"<","/dev/null" if $mode ne "put";
POSIX::dup2(fileno $in,1) if $in;
exec{"/bin/sh"}"/bin/sh","-c",$text;POSIX::_exit(127)}
close $in if $in;
my @signals=qw(TERM INT HUP QUIT USR1 USR2 ALRM PIPE);
$SIG{$_}="IGNORE" for @signals;
sub marked{grep{my $f;$_!=$$ and open($f,"<","/proc/$_/environ") and do{local $/;my $e=<$f>;defined $e and $e=~/(^|\\0)ROOKERY_ID=$id(\\0|$)/}}map{m{/proc/(\\d+)}}glob "/proc/[0-9]*"}
sub gone{for my $s(qw(TERM KILL)){kill $s,marked();kill "TERM",-getpgrp;for(1..30){exit 1 unless kill(0,$pid) and waitpid($pid,POSIX::WNOHANG())!=$pid or marked();select undef,undef,undef,.1}}exit 1}
my $s;
for(;;){
my $got=waitpid($pid,POSIX::WNOHANG());$s=$?;last if $got==$pid;
my $wait="";vec($wait,fileno $r,1)=1;vec($wait,$line,1)=1 if $line;
next unless 0<select $wait,undef,undef,undef;
if(vec $wait,fileno $r,1){sysread $r,my $b,64}
elsif($line){my $n=POSIX::read($line,my $b,4096);gone() unless $n and $n>0}}
waitpid $coder,0 if $coder;
if($s&127){$SIG{$_}="DEFAULT" for @signals;kill $s&127,$$;sleep 1}
exit($s>>8)`;

const hex = (text: string) => Buffer.from(text).toString('hex');

export type WrapperMode = 'run' | 'put' | 'get';

/** The command line for TakTuk's `exec`: nothing in it has a meaning to TakTuk or to the shell that it uses. */
export function wrapped(mode: WrapperMode, treeId: string, script: string): string {
  const words = [mode, treeId, script].map(hex).join(' ');
  return `exec perl -e 'eval pack q(H*)=>q(${hex(program)});die $@ if $@' ${words}`;
}
