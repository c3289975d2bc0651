"""Compare: the socket through which a page talks to the preview of two models on one clip."""

from __future__ import annotations

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from effigie.errors import EffigieError, UsageError
from effigie.studio.endpoints.preview_socket import serve_preview
from effigie.studio.preview_process import pack
from effigie.studio.studio import Studio

MODULE = "effigie.swap.preview.comparison_process"


async def serve_socket(socket: WebSocket) -> None:
    """A page's way to the two ``model`` on the clip in the address. It shares its place with previews of projects."""
    studio: Studio = socket.app.state.studio
    await socket.accept()
    try:
        handles = studio.workspace.handles
        clip = handles.resolve(socket.path_params["id"])
        models = [handles.resolve(one) for one in socket.query_params.getlist("model")]
        if len(models) != 2 or not all((model / "config.json").is_file() for model in models):
            raise UsageError("choose two models to compare")
        process = await studio.merges.get((MODULE, str(clip), *map(str, models)))
    except EffigieError as error:
        await socket.send_bytes(pack({"kind": "ended", "error": str(error)}))
        await socket.close()
        return
    await serve_preview(socket, studio.merges, process)


ROUTES = [WebSocketRoute("/api/compare/{id:str}", serve_socket)]
