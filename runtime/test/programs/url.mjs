// URL and URLSearchParams. Left out: invalid Punycode, which Node accepts, and "^" in paths, which it leaves, both against the standard.

export const parsing = () => {
  const bases = [undefined, "http://example.org/foo/bar?q#h", "file:///C:/a/b", "non-special:opaque", "mailto:x@y", "https://user:pass@h:99/x/./y/../z", "about:blank", "file:///tmp/mock/path"];
  const inputs = `|http://example	.
org|http://user:pass@foo:21/bar;par?b#c|https://test:@test|https://:@test|non-special://test:@test/x|http:foo.com|	   :foo.com   
| foo.com  |a:	 foo.com|http://f:21/ b ? d # e|lolscheme:x x#x%20x|http://f:c/b|http://f: /b|http://f:00000000000000/b|http://f:00000000000000000000080/b|http://f:b/c|http://f:fifty-two/c|http://f:65536/c|non-special://f:65536/c|http://f: 21 / b ? d # e|:#|#|#/|#\\|#;?|?|/|:23|/:23|\\x|\\\\x\\hello|::|::23|http://|http://[1::2]:3:4|http://2001::1|http://2001::1]|http://2001::1]:80|http://[::127.0.0.1]|http://[::127.0.0.1.]|http://[0:0:0:0:0:0:13.1.68.3]|http://[2001::1]|http://[::127.0.0.1%]|http://[::1%25eth0]|file:/example:1/|file:/example:test/|file:[example]/|file://example%/|file://[example]/|ftps:/example.com/|madeupscheme:/example.com/|javascript:/example.com/|mailto:/example.com/|data:text/html,test#test|data:/example.com|http://user@/www.example.com|http:/:@/www.example.com|http://a:b@/x|http://www.@pple.com|http://@:www.example.com|/|/test.txt|.|..|test.txt|./test.txt|../../../test.txt|http://example.com/././foo|http://example.com/./.foo|http://example.com/foo/bar/../ton/../../a|http://example.com/foo/%2e%2|http://example.com/foo/%2e./%2e%2e/.%2e/%2e.bar|http://example.com////../..|http://example.com/foo/bar//../..|http://example.com/foo%2zbar|http://example.com/foo%2©zbar|http://example.com/foo%00%51|http://example.com/(%28:%3A%29)|http://example.com/foo	bar|http://example.com\\foo\\bar|http://example.com/%7Ffp3%3Eju%3Dduvgw%3Dd|http://example.com/@asdf%40|http://example.com/你好你好|http://example.com/‥/foo|http://example.com/\uFEFF/foo|http://www.google.com/foo?bar=baz# »|data:test# »|http://www|http://192.0x00A80001|http://www/foo%2Ehtml|http://www/foo/%2E/html|http://%25DOMAIN:foobar@foodomain.com/|http:\\www.google.com\\foo|http://foo:80/|http://foo:81/|httpa://foo:80/|http://foo:-80/|https://foo:443/|https://foo:80/|ftp://foo:21/|ws://foo:80/|wss://foo:443/|http:/example.com/|http:example.com/|/a/b/c|/a/ /c|/a%2fc|/a/%2f/c|#β|data:text/html,test#test|tel:1234567890|ssh://example.com/foo/bar.git|file:c:\\foo\\bar|  File:c|////bar.html|C|bar|file:///C|/////|//x|///x|//|\\\\server\\file|/\\server/file|file:///foo/bar.txt|file:///home/me|//server/file|file:..\\tmp|http://a:b@c:29/d|http::@c:29|http://&a:foo(b]c@d:2/|http://::@c@d:2|http://foo.com:b@d/|http://foo.com/\\@|http:\\a\\b:c\\d@foo.com\\|http://a:b@c\\|ws://a@b\\c|foo:/|foo:/bar/|foo://///////|foo://///////bar.html|foo:////://///|c:/foo|//foo/bar|http://foo/path;a??e#f#g|http://foo/abcd#foo?bar|[61:24:74]:98|http:[61:27]/:foo|http://[:0]|http://1.2.3.4/|http://1.2.3.4./|http://192.168.257|http://192.168.257.|http://192.168.257.com|http://256|http://256.com|http://999999999|http://999999999999|http://10000000000|http://4294967295|http://4294967296|http://0xffffffff|http://0xffffffff1|http://256.256.256.256|https://0x.0x.0|https://0x100000000/test|https://256.0.0.1/test|file:///C%3A/|file:///%43%3A|file:///%43%7C|asdf://%43|/|http://GOO 　goo.com|http://GOO​⁠\u00ADgoo.com|http://www.foo。bar.com|http://\uFDD0zyx.com|http://Ｇｏ.com|http://％４１.com|http://%ef%bc%85%ef%bc%94%ef%bc%91.com|http://你好你好|https://faß.ExAmPlE/|sc://faß.ExAmPlE/|http://%zz%66%a.com|http://%25|http://hello%00|http://192.168.0.257|http://%3g%78%63%30%2e%30%32%35%30%2E.01|http://192.168.0.1 hello|http://０Ｘｃ０．０２５０．０１|http://./|http://../|http://[www.google.com]/|http://[google.com]|http://[::1.2.3.4x]|http://[::1.2.3.]|http://[::.1.2]|http://i:🍌@example.com|/test?é|http://foo.2.3|http://foo.09|http://foo.0x4|https://xn--ls8h.la/|http://a^b|http://a<b|non-special://a<b|http://ho\u0000st|http://ab|http://a%7Cb|http://!"$&'()*+,-.;=_\`{}~/|sc://\u0001\u0002!"$%&'()*+,-.;<=>@[\\]^_\`{|}~/|http://host/?'|notspecial://host/?'|data:space    ?test|data:space   #test|blob:https://example.com:443/|blob:d3958f5c-0777-0845-9dcf-2cb28783acaf|http://\u{1F4A9}|#\u0000|?a=\uD800|http://ExAmPlE.CoM/%C3%BC?%C3%BC#%C3%BC|w://x:0|west://x:0|http://1e2|http://0x7f.1/test|file:\\\\//|file:a|file:/C|/../file|\\/localhost//pork|///one/two|foo:// /|../i|i|#i|?i|#|sc:/pa/pa|sc://ho/pa|sc:///pa/pa|../|//abc/..|/..//localhost//pork|///../pork|web+demo:/.//not-a-host/|web+demo:/..//not-a-host/|web+demo:/.//not-a-host/../..//idk-a-path/|non-special:x/y/../z|h\tt\ntp://a|ht\rtps:b`.split("|");
  const out = [];
  for (const base of bases) {
    for (const input of inputs) {
      const one = attempt(() => {
        const u = new URL(input, base);
        return [u.href, u.origin, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash];
      });
      out.push([base, input, one, attempt(() => URL.canParse(input, base)), attempt(() => URL.parse(input, base)?.href ?? null)]);
    }
  }
  return out;
};

export const fuzz = () => {
  const next = seeded(42);
  const pieces = ["http", "https", "file", "ws", "data", "sc", ":", "/", "//", "\\", "?", "#", "@", "[", "]", "::1", "%", "%2e", "%00", ".", "..", "a", "B", "é", "☃", "💩", "1.2.3", "0x1", "256", " ", "\t", "ß", "C|", "C:", "80", "443", "=", "&", "+", "|", "{", "'", "\"", "<", "\u00ad", "\u200d", "\ud800"];
  const out = [];
  for (let i = 0; i < 3000; i++) {
    let input = next(3) > 0 ? ["http://", "https://h/", "file:///", "sc://x/", "//", ""][next(6)] : "";
    for (let n = next(7); n >= 0; n--) input += pieces[next(pieces.length)];
    const base = [undefined, "http://b/c/d?e#f", "file:///C:/x", "sc://y/z/w", "sc:op"][next(5)];
    out.push([input, base, attempt(() => new URL(input, base).href)]);
  }
  return out;
};

export const setters = () => {
  const starts = ["https://user:pw@example.net:8080/a/b?c#d", "http://h", "file:///x", "file://host/x", "sc://h/p", "sc:/p", "mailto:a@b", "http://[::1]:1/", "web+demo:/.//n"];
  const values = ["", "x", "http", "https", "ftp", "file", "wss", "b", "B+", ":", "a b", "é", "💩", "%20", "a:b", "a@b", "/", "/x/../y", "..", "?q", "#f", "?", "#", "8080", "80", "443", "65536", "90x", "x90", " 8", "[::2]", "[::2]:9", "h:7", "h:", "h:x", "1.2", "0x7f", "\t1\n2", "\\a", "a\\b", "//c", "%00", "\u0000", "'\"<>`", "\ud800"];
  const out = [];
  for (const start of starts) {
    for (const key of ["href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"]) {
      for (const value of values) {
        out.push([start, key, value, attempt(() => {
          const url = new URL(start);
          url[key] = value;
          return [url.href, url[key]];
        })]);
      }
    }
  }
  return out;
};

export const searchParams = () => {
  const inits = ["", "?a=1&a=2&b", "a=b+c%20d&%zz=1&=x&&y=", "a=%F0%9F%92%A9&b=%ff", [["a", "1"], ["b", "2"]], { x: "1", y: undefined, z: null }, [["a"]], [[1, 2, 3]], new Map([["m", "n"]]), null, undefined, 5, "é=ü&\ud800=\udc00", new URLSearchParams("c=d")];
  const out = inits.map((init) => attempt(() => {
    const params = new URLSearchParams(init);
    const before = [String(params), [...params], params.size];
    params.append("n", "ö +&=%~!'()*");
    params.set("a", "only");
    params.delete("b", "2");
    params.delete("y");
    return [before, String(params), params.get("a"), params.getAll("a"), params.has("n"), params.has("a", "x"), params.get("zz")];
  }));
  const url = new URL("http://h/?z=1&a=2&z=0&\u{10000}=3&\uffff=4");
  url.searchParams.sort();
  out.push(url.href);
  url.searchParams.delete("z");
  out.push(url.href, url.search);
  url.search = "?new=1";
  out.push([...url.searchParams.keys()], [...url.searchParams.values()]);
  url.searchParams.delete("new");
  out.push(url.href);
  const seen = [];
  const live = new URLSearchParams("a=1&b=2&c=3");
  live.forEach(function (value, key, self) { seen.push([value, key, self === live, this.t]); if (key === "a") live.delete("b"); }, { t: 1 });
  for (const [key] of live) { seen.push(key); if (key === "a") live.append("d", "4"); }
  out.push(seen, attempt(() => new URLSearchParams().append("x")), attempt(() => URLSearchParams("x")), attempt(() => URL("http://a")), attempt(() => new URL()));
  out.push(tag(url), JSON.stringify({ url }), `${url}`, Object.prototype.toString.call(live[Symbol.iterator]()), URL.length, URLSearchParams.length, URL.name, URLSearchParams.name);
  out.push(attempt(() => URL.prototype.href), attempt(() => URLSearchParams.prototype.get.call({}, "a")), Object.keys(URL.prototype).sort(), Object.keys(URLSearchParams.prototype).sort());
  return out;
};
