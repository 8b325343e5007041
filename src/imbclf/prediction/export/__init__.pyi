from .export import export_int8 as export_int8
