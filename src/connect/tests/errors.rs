use std::fmt::Write as _;

use crate::connect::{ClientString, Error, Fault, STRING_BYTES_MAX, ServerString, TargetString};

/// Every string with its error as a person sees it.
fn gallery<T: std::str::FromStr<Err = Error> + std::fmt::Debug>(strings: &[&str]) -> String {
    let mut text = String::new();
    for string in strings {
        let error = string.parse::<T>().expect_err(string);
        writeln!(text, "{}\n", error.render()).unwrap();
    }
    text
}

#[test]
fn target_strings_are_refused_with_the_place_and_the_way_out() {
    let shown = gallery::<TargetString>(&[
        "",
        "   ",
        "lab1",
        ":port=1",
        "natt:port=50000,key=1.2.3.4",
        "serial:/dev/ttyS0",
        "net:",
        "net:port=50000",
        "net:prot=50000,key=1.2.3.4",
        "net:port=50000,kye=1.2.3.4",
        "net:port=50000,colour=red",
        "net:port=50000,port=50001,key=1.2.3.4",
        "net:port=50000,,key=1.2.3.4",
        "net:port=50000,key=1.2.3.4,",
        "net:port=50000, key=1.2.3.4",
        "net:port =50000,key=1.2.3.4",
        "net:port,key=1.2.3.4",
        "net:port=,key=1.2.3.4",
        "net:port=0,key=1.2.3.4",
        "net:port=+50000,key=1.2.3.4",
        "net:port=65536,key=1.2.3.4",
        "net:port=50000,key=abc.def.ghi",
        "net:port=50000,key=abc.d-f.ghi.jkl",
        "net:port=50000,key=1.2.3.zzzzzzzzzzzzz",
        "net:port=50000,key=1.2.3.4,target=a:b",
        "net:port=50000,key=1.2.3.4,target=-oProxyCommand=x",
        "net:port=50000,key=1.2.3.4,name=@web",
        "net:port=50000,key=1.2.3.4,name=my web",
        "net:port=50000,key=1.2.3.4,group=a++b",
        "com:modem",
        "com:pipe",
        "com:pipe,port=/x,baud=9600",
        "com:pipe=/x",
        "com:port=2,baud=115200",
        r"com:port=\\.\pipe\vm1",
        "com:port=/dev/ttyS0,baud=fast",
        "com:ipport=10.0.0.7,port=4445",
        "com:ipport=4445",
        "com:port=com2,baud=115200,channel=3",
        "com:port=com2,baud=115200,channel=3,hidden",
        "gdb:",
        "gdb:localhost:1234",
        "gdb:server=localhost:1234",
        "gdb:host=localhost,port=1234",
        "gdb:server=localhost,pipe=/x",
        "gdb:com=ttyS0,port=3",
        "raw:server=lab1,port=7001,baud=9600",
        "raw:server=lab1",
        "raw:port=7001",
        "raw:com=ttyS0,parity=mark",
        "raw:com=com0",
        "raw:pipe=/x,port=7001",
        "com:port=/dev/ttyS0,flow=dtr",
        "raw:listen,server=lab1,port=7001",
        "raw:listen=yes,port=7001",
        "raw:port=7001,bind=::1",
        "raw:listen,port=7001,bind=lab1",
        "raw:server=lab1,port=7001,reconnect=maybe",
        "telnet:server=lab1",
        "telnet:server=lab1,port=23,bits=5",
        "netconsole:source=lab1,port=6666",
        "exec:",
        "exec:  ,name=x",
        "exec:top,restart=sometimes",
        "exec:top,name=a,name=b",
        "1394:channel=63",
        "usb:targetname=MyDebugBox",
        "usb:targetname=a.b",
        "kdsrv:server=@{tcp:server=lab,port=5005,password=x},trans=@{com:}",
        "tcp:server=lab01,port=5005,password=Lab12",
        "tcp:port=5005",
        "npipe:pipe",
        "ssh:server=lab01",
        "標的:port=1",
        "raw:server=標的,prot=1",
        "raw:server=a\u{1b}[2J,port=1",
        "raw:server=a\u{202e}b,port=1",
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn server_strings_are_refused_with_the_place_and_the_way_out() {
    let shown = gallery::<ServerString>(&[
        "5005",
        "tpc:port=5005",
        "tcp:",
        "tcp:prot=5005",
        "tcp:port=5020:5005",
        "tcp:port=5005:",
        "tcp:port=5005,clicon=BOX,hidden",
        "tcp:port=5005:5010,clicon=BOX",
        "tcp:port=5005,ipversion=4",
        "tcp:port=5005,password=",
        "tcp:port=5005,password=ab cd",
        "tcp:port=5005,password=ab,cd",
        "tcp:port=5005,pasword=secret",
        "tcp:port=5005,hidden=yes",
        "npipe:port=5005",
        "npipe:pipe=my lab",
        "npipe:pipe=../lab",
        "npipe:pipe=$(reboot)",
        "spipe:proto=ssl3,certuser=x,pipe=lab",
        "spipe:proto=tls9,certuser=x,pipe=lab",
        "ssl:certuser=a,machuser=b,port=5443",
        "com:port=com2,baud=115200",
        "com:port=com2,baud=115200,channel=255",
        "com:pipe,port=/run/vm1.sock,resets=0,reconnect",
        "net:port=50000,key=1.2.3.4",
        "exec:sh -c 'echo it''s'",
        "ssh:server=lab01",
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn client_strings_are_refused_with_the_place_and_the_way_out() {
    let shown = gallery::<ClientString>(&[
        "lab01",
        "tls:server=lab01,port=5005",
        "tcp:port=5005",
        "tcp:server=lab01,port=5005,hidden,password=Lab12",
        "npipe:pipe=lab,IcfEnable,hidden",
        "tcp:port=5005,hidden,password=Lab12",
        "tcp:lab01:5005",
        "tcp:server=lab01",
        "tcp:server=lab01,clicon=lab01,port=5005",
        "npipe:server=lab01",
        "com:ipport=4445,port=10.0.0.7",
        "net:port=50000,key=1.2.3.4",
        "raw:server=lab1,port=7001",
        "ssh:server=-oProxyCommand=x@lab01",
        "ssh:server=alice@",
        "remdbgeng://lab01",
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn a_string_without_end_is_refused_and_only_a_piece_of_it_shown() {
    let text = format!("exec:{}", "x".repeat(2 * STRING_BYTES_MAX));
    let error = text.parse::<TargetString>().unwrap_err();
    assert_eq!(error.fault(), &Fault::TooLong { bytes: text.len() });
    assert_eq!(error.span(), STRING_BYTES_MAX..text.len());
    assert!(
        error
            .render()
            .lines()
            .all(|line| line.chars().count() <= 80),
        "{error}"
    );
}

#[test]
fn a_fault_far_into_a_long_string_is_in_sight() {
    let text = format!("raw:pipe=/{},prot=7001,group=a", "long/".repeat(40));
    let error = text.parse::<TargetString>().unwrap_err();
    insta::assert_snapshot!(error.render());
    assert_eq!(text.get(error.span()), Some("prot"));
}

#[test]
fn spans_are_those_of_the_string_as_it_was_given() {
    for (text, part) in [
        ("  net:port=50000,key=1.2.3.4,tarket=x  ", "tarket"),
        ("net:port=50000,key=ü.2.3.4", "ü"),
        ("raw:server=lab1,port=70000", "70000"),
        ("exec:top,restart=x", "x"),
    ] {
        assert_eq!(
            text.get(text.parse::<TargetString>().unwrap_err().span()),
            Some(part),
            "{text}"
        );
    }
}

#[test]
fn an_error_tells_no_secrets() {
    for text in [
        "net:port=0,key=hush.hush.hush.hush",
        "net:port=50000,key=hush",
        "net:port=50000,kez=hush.hush.hush.hush",
        "tcp:port=5005,password=hush",
        "kdsrv:server=@{tcp:server=lab,port=5005,password=hush},trans=@{com:}",
        "kdsrv:server=@{tcp:password=hush,server=lab,port=5005},trans=@{com:}",
        "key=hush.hush.hush.hush,port=50000",
    ] {
        let error = text.parse::<TargetString>().unwrap_err();
        assert!(!format!("{error}{error:?}").contains("hush"), "{error}");
    }
    for text in [
        "tcp:port=0,password=hush",
        "tcp:port=1,password=a,hush",
        "tcp:port=1,pwd=hush",
        "net:port=1,key=hush",
        "remdbgeng://tcp:password=hush,port=1",
    ] {
        let error = text.parse::<ServerString>().unwrap_err();
        assert!(!format!("{error}{error:?}").contains("hush"), "{error}");
    }
}
