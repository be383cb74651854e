"""The dashboard behind the guard: the script that `streamlit run` serves."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

import reporting.dashboard
from adledger.servers import guard

_SCRIPT = Path(reporting.dashboard.__file__).with_name("app.py")

app = st.App(_SCRIPT, middleware=[Middleware(guard.Guard, hosts=guard.hosts())])
