"""Makes botocore parse listings with `list_page` instead of its own parser.

botocore builds a dict of eight entries for every object and parses every time stamp: for ten years of
bins that is most of a run. Relied on, all of it public: `Session.register_component` with the
component `response_parser_factory` (a factory with `create_parser`, a parser with `parse`), and the
event `before-parse`, which older versions of botocore do not have and do not need. Whatever is not
the good answer to a listing goes through botocore's own parser.
"""

from __future__ import annotations

from typing import Any

from ifcbscan.s3.list_page import NotAListing, is_plain, parse_page, plain_error

#: Where a ListPage lies in the answer that botocore returns.
PAGE = "IfcbscanPage"

_LISTING_SHAPE = "ListObjectsV2Output"
_LISTING_OPERATION = "ListObjectsV2"
_SET_ASIDE = "ifcbscan_body"


class _Parser:
    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def parse(self, response: dict[str, Any], shape: Any) -> Any:
        body = response.pop(_SET_ASIDE, response.get("body", b""))
        if 300 <= response["status_code"] < 400 and not _names_region(response["headers"]):
            # botocore would ask for the bucket's region, be sent elsewhere again, ask again, a thousand times.
            raise _parser_error("a redirect to elsewhere")
        if shape is None or shape.name != _LISTING_SHAPE or response["status_code"] != 200:
            keep_s3_errors_only(response)
            try:
                return self._plain.parse(response, shape)
            except Exception as error:  # a header that says no number or no time: it raises whatever comes
                raise _parser_error(f"{type(error).__name__}: {error}") from None
        try:
            page = parse_page(body)
        except NotAListing as error:
            raise _parser_error(f"no listing but {error}") from None
        headers = {name.lower(): value for name, value in response["headers"].items()}
        return {PAGE: page, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": headers}}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


def keep_s3_errors_only(response_dict: dict[str, Any], **_others: Any) -> None:
    """Of a body that is no error of S3's, nothing is left: botocore then goes by the status alone."""
    body = response_dict.get("body")
    if isinstance(body, bytes):
        response_dict["body"] = plain_error(body)


def _names_region(headers: Any) -> bool:
    # S3 says so whenever it redirects (also in the answer to a HEAD, which has no body).
    return any(name.lower() == "x-amz-bucket-region" for name in headers)


def _parser_error(text: str) -> Exception:
    from botocore.parsers import ResponseParserError

    error: Exception = ResponseParserError(text)
    return error


class LeanParserFactory:
    """Makes botocore's parsers, and wraps them. `in_use`: botocore has really asked it for one."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain
        self.in_use = False

    def create_parser(self, protocol_name: str) -> _Parser:
        """What botocore asks for with every answer."""
        self.in_use = True
        return _Parser(self._plain.create_parser(protocol_name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


def install(session: Any) -> LeanParserFactory | None:
    """Make the clients of a botocore session parse listings with list_page.

    None if this botocore has no such component; it then parses listings by itself.
    """
    try:
        plain = session.get_component("response_parser_factory")
    except ValueError:
        return None
    factory = LeanParserFactory(plain)
    session.register_component("response_parser_factory", factory)
    return factory


def spare_second_reading(client: Any, factory: LeanParserFactory) -> None:
    """Newer versions of botocore read every good answer once more, in search of a hidden error.

    A listing is known by its root element here, so its body is put aside for that time: once it is sure
    that it comes back, because `factory` has been used before. Else every listing would look empty.
    """

    def set_aside(response_dict: dict[str, Any], **_others: Any) -> None:
        if factory.in_use and response_dict.get("status_code") == 200:
            response_dict[_SET_ASIDE] = response_dict.get("body", b"")
            response_dict["body"] = b"<ListBucketResult/>"

    # botocore calls handlers of a name with a wildcard before those of the plain name, and these two
    # before its own. Were that to change, listings would be read twice again, and nothing worse.
    client.meta.events.register_first(f"before-parse.*.{_LISTING_OPERATION}", set_aside)


def refuse_other_xml(client: Any) -> None:
    """The same early reading of botocore's takes any XML; see `spare_second_reading` for the name."""

    def refuse(response_dict: dict[str, Any], operation_model: Any = None, **_others: Any) -> None:
        listing = getattr(operation_model, "name", "") == _LISTING_OPERATION
        if not listing or response_dict.get("status_code") != 200:
            keep_s3_errors_only(response_dict)
        elif not is_plain(response_dict.get("body", b"")):
            response_dict["body"] = b""

    client.meta.events.register_first("before-parse.*.*", refuse)
