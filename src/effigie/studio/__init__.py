"""The studio: a window on a workspace in the browser of this machine, served from 127.0.0.1 alone.

It lists what lies in the workspace, runs the commands a user would type, and shows frames, faces, curves and findings.
It makes no picture itself: that is the commands' affair, which ask the gate as from a terminal.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from effigie.studio.server import run_studio as run_studio

# Imported at first use: the address is to stand in the terminal before the web server's libraries are all there.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"server": ["run_studio"]})
