"""Jobs of a Windows computer, and its tasks as schtasks prints them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

from ifcbscan.schedule.jobs import ScheduledJob

SID = "S-1-5-21-1004336348-1177238915-682003330-1001"
NAMESPACE = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


def make_job(directory: str = "D:\\IFCB data", time_series: str = "nauset") -> ScheduledJob:
    return ScheduledJob(
        python="C:\\Program Files\\ifcbscan\\python.exe",
        env_file="C:\\Users\\me\\.env",
        directory=directory,
        time_series=time_series,
        log_file="C:\\Users\\me\\ifcb.log",
    )


NASTY = make_job(directory="\\\\server\\données & 'a' <b> 100% \U0001f41f 浮游\\")


def parsed(xml: str) -> Any:
    return ElementTree.fromstring(re.sub(r"^<\?xml.*?\?>", "", xml))


def text_of(xml: str, path: str) -> str:
    found = parsed(xml).findtext(re.sub(r"(\w+)", r"t:\1", path), namespaces=NAMESPACE)
    assert found is not None, path
    return str(found)


def printed(*definitions: str, one: bool = False) -> str:
    """What `schtasks /Query /XML` prints of such tasks, and with `one` what `/XML ONE` does."""
    bodies = [re.sub(r"^<\?xml.*?\?>\s*", "", definition) for definition in definitions]
    declaration = '<?xml version="1.0" encoding="UTF-16"?>\r\n'
    if one:
        return declaration + "<Tasks>" + "".join("<!-- \\x -->" + body for body in bodies) + "</Tasks>"
    return "".join("\r\n<!-- \\x -->\r\n" + declaration + body for body in bodies)


FOREIGN = (
    '<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
    "<RegistrationInfo><URI>\\Microsoft\\Windows\\Defrag</URI></RegistrationInfo>"
    "<Actions><Exec><Command>%windir%\\defrag.exe</Command></Exec></Actions></Task>"
)
BROKEN = '<Task version="1.2"><URI>\\ifcbscan\\broken</URI><unended></Task>'
