"""Class: the address for the projector, how full the server is, and the ways to make room."""

import streamlit as st

from pages.shell import teacher
from pages.shell.layout import head, stage
from pages.shell.page import Page
from pages.shell.plain_text import own
from pages.teacher.class_view import code, load, watch

PAGE = Page(
    section="Teacher",
    title="Class",
    url="teacher",
    icon=":material/cast_for_education:",
    place=90,
    teacher=True,
)

if not teacher.is_teacher():
    st.info(own("Open the teacher's link again, which the terminal shows."), icon=":material/key:")
    st.stop()
head("Class", "Everybody opens this address, or points a camera at the code; nobody signs in.")
with stage():
    left, right = st.columns([3, 2], gap="large")
    with left:
        code(teacher.class_address())
    with right:
        load()
watch()
