"""An S3 server that only lists, and has no files: its keys are a formula. Run as a program.

A real server over a folder with a million files takes seconds a page, and would be all that is measured.
This one answers ListObjectsV2 (prefix, start-after, continuation-token, 1,000 keys a page) in about
two milliseconds. A series named `k660000` has 660,000 keys, or as many of whole bins as fit; they end
at the time given on the command line and agree with `trees.make_tiny`. Signatures are not checked.
"""

from __future__ import annotations

import bisect
import functools
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from benchmarks.trees import TINY, day_folder, pids  # noqa: E402

_PAGE = 1000
_ROW = (
    "<Contents><Key>{}</Key><LastModified>2024-05-01T00:00:00.000Z</LastModified>"
    "<ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag><Size>{}</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)


@functools.lru_cache(maxsize=8)
def _keys(account: str, series: str, end: float) -> list[str]:
    bins = int(series[1:]) // 3
    return [
        f"{account}/{series}/{day_folder(pid)}/{pid}.{extension}"
        for pid in pids(bins, end)
        for extension, _ in TINY
    ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    end = 0.0

    def do_GET(self) -> None:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
        prefix = query.get("prefix", "")
        account, _, series = prefix.partition("/")
        keys = _keys(account, series.partition("/")[0], self.end)
        after = max(query.get("continuation-token", ""), query.get("start-after", ""))
        first = max(bisect.bisect_left(keys, prefix), bisect.bisect_right(keys, after))
        last = bisect.bisect_left(keys, prefix + "\U0010ffff")
        page = keys[first : min(first + _PAGE, last)]
        more = first + _PAGE < last
        sizes = dict(TINY)
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
            f"<Prefix>{prefix}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{_PAGE}</MaxKeys>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}"
            + "".join(_ROW.format(key, sizes[key[-3:]]) for key in page)
            + "</ListBucketResult>"
        ).encode("ascii")
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def main() -> None:
    """`listing_server.py END`: prints its port, then serves until it is killed."""
    _Handler.end = float(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
