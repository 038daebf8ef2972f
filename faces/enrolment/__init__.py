"""Enrolment of people by pictures, one at a time or from a folder of people."""
