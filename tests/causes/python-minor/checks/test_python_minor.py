def test_a_plugin_is_loaded():
    import imp

    assert imp.new_module("plugin").__name__ == "plugin"
