-- Money and quantities are numeric, never floating point.
CREATE TABLE instruments (
    symbol text PRIMARY KEY,
    base_price numeric(18, 4) NOT NULL CHECK (base_price > 0),
    tick bigint NOT NULL CHECK (tick >= 0)
);

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    account text NOT NULL,
    client_id text NOT NULL,
    symbol text NOT NULL REFERENCES instruments,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity numeric(18, 4) NOT NULL CHECK (quantity > 0),
    status text NOT NULL CHECK (status IN ('filled', 'rejected')),
    reason text CHECK ((reason IS NULL) = (status = 'filled')),
    placed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account, client_id)
);

CREATE TABLE fills (
    order_id uuid PRIMARY KEY REFERENCES orders,
    price numeric(18, 4) NOT NULL CHECK (price > 0),
    quantity numeric(18, 4) NOT NULL CHECK (quantity > 0),
    tick bigint NOT NULL
);

-- A short position has a negative quantity.
CREATE TABLE positions (
    account text NOT NULL,
    symbol text NOT NULL REFERENCES instruments,
    quantity numeric(18, 4) NOT NULL,
    average_price numeric(20, 8) NOT NULL CHECK (average_price >= 0),
    realized numeric(20, 8) NOT NULL,
    PRIMARY KEY (account, symbol)
);

-- The highest equity an account has had, from which its drawdown is measured.
CREATE TABLE equity_peaks (
    account text PRIMARY KEY,
    equity numeric(20, 8) NOT NULL
);
