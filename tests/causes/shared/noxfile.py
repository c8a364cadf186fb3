from tranship import sessions

sessions.register()
