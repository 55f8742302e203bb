"""The API gateway: stages that every request passes, in order, and the table of routes.

How the rest of the app meets it:

- `routes/` is the one table, a file a room. A trigger takes path and method from its line and calls `serve`:
  `@bp.route(route=SUBMIT_ATTEMPT.path, methods=[SUBMIT_ATTEMPT.method])` ...
  `return await serve(req, SUBMIT_ATTEMPT, endpoint, push)` (functions/http/serving.py).
- An endpoint is `async (Request) -> Response` (`http.py`). `request.caller` is the Principal, `request.correlation_id`
  the id for every event and push, `request.identifier("session_id")` a UUID from the path (NotFound otherwise),
  `decode_json(request, Model)` a strict body (`body.py`; models declare `forbid_unknown_fields`). Failures are raised
  as `shared_code.domain.errors`; the stages make problem details of them.
- `Response(200, struct_or_dict, pushes=[Push, ...])`: pushes leave through the `signalR` output binding.
- Services behind `/api/v1/{service}/{path}`: `InProcessService("progress", [ServiceRoute("GET", "me", endpoint)])`
  (`inprocess.py`); the catch-all's endpoint is `Gateway.to_service`, its routes are `routes.services.SERVICES`.
- Bootstrap calls `build_gateway(settings.gateway, keys=identity_keys(settings.gateway), services=[...], ...)`
  (`assembly.py`).
"""
