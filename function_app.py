"""The app that the Functions host loads: every blueprint, and no logic."""

import azure.durable_functions as df
import azure.functions as func

from functions import BLUEPRINTS as TRIGGERS
from orchestrations import BLUEPRINTS as SAGAS

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)  # the gateway authenticates

for blueprint in (*TRIGGERS, *SAGAS):
    app.register_functions(blueprint)
